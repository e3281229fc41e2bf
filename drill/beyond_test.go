package drill

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/grpc/codes"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/oteltest"
	"github.com/otelmon/otelmon-go/internal/settings"
)

// backend starts a receiver that plays the real one, and returns the settings
// that lead to it.
func backend(t *testing.T, protocol string, o oteltest.Options) (*oteltest.Receiver, []string) {
	t.Helper()
	r, err := oteltest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	url := r.HTTPURL()
	if protocol == "grpc" {
		url = r.GRPCURL()
	}
	return r, []string{"OTEL_EXPORTER_OTLP_PROTOCOL=" + protocol, "OTEL_EXPORTER_OTLP_ENDPOINT=" + url, "OTEL_EXPORTER_OTLP_COMPRESSION=gzip"}
}

func isDrill(resource *resourcepb.Resource) bool {
	for _, a := range resource.GetAttributes() {
		if a.GetKey() == "service.name" {
			return a.GetValue().GetStringValue() == "otelmon-drill"
		}
	}
	return false
}

// TestBackend: what the ledger says is what a backend has, behind TLS with client
// certificates, headers and a token, and it has nothing else.
func TestBackend(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"grpc", "http/protobuf"} {
		for _, secure := range []bool{false, true} {
			t.Run(protocol, func(t *testing.T) {
				t.Parallel()
				home := t.TempDir()
				receiver := oteltest.Options{}
				var more []string
				if secure {
					a, err := oteltest.NewAuthority(home)
					if err != nil {
						t.Fatal(err)
					}
					receiver.TLS = a.MutualServer()
					token := filepath.Join(home, "token")
					if err := os.WriteFile(token, []byte("s3cret\n"), 0o600); err != nil {
						t.Fatal(err)
					}
					more = []string{
						"OTEL_EXPORTER_OTLP_CERTIFICATE=" + a.CAFile, "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=" + a.ClientCertFile,
						"OTEL_EXPORTER_OTLP_CLIENT_KEY=" + a.ClientKeyFile, "OTEL_EXPORTER_OTLP_HEADERS=tenant=shop", "OTELMON_TOKEN_FILE=" + token,
					}
				}
				r, environ := backend(t, protocol, receiver)
				report := Run(t.Context(), Options{Environ: append(environ, more...), Backend: true})
				if err := report.Err(); err != nil || report.Verdict != OK || len(report.Scenarios) != 7 || len(report.Backend) != 1 {
					t.Fatalf("%v: %+v", err, report)
				}
				has := map[string]int64{"traces": int64(len(r.Spans())), "metrics": int64(len(r.Metrics())), "logs": int64(len(r.Logs()))}
				total := int64(0)
				for _, a := range report.Ledger {
					if a.Delivered != a.Made || a.Arrived != a.Made || has[a.Signal] != a.Arrived+a.Again || a.Again == 0 {
						t.Errorf("%s: %s; the backend has %d", a.Signal, a, has[a.Signal])
					}
					total += has[a.Signal]
				}
				if total > MaxItems {
					t.Errorf("%d items", total)
				}
				checkRequests(t, r, secure)
			})
		}
	}
}

//nolint:revive // a case of the test
func checkRequests(t *testing.T, r *oteltest.Receiver, secure bool) {
	t.Helper()
	for _, q := range r.Requests() {
		if q.Header.Get(keyHeader) != "" {
			t.Error("the key of the drill has left it")
		}
		if secure && (q.Header.Get("Tenant") != "shop" || q.Header.Get("Authorization") != "Bearer s3cret") {
			t.Errorf("%s without credentials: %v", q.Path, q.Header)
		}
		for _, resource := range q.Traces.GetResourceSpans() {
			if !isDrill(resource.GetResource()) {
				t.Errorf("spans of %v", resource.GetResource())
			}
		}
		for _, resource := range q.Metrics.GetResourceMetrics() {
			if !isDrill(resource.GetResource()) {
				t.Errorf("data points of %v", resource.GetResource())
			}
		}
		for _, resource := range q.Logs.GetResourceLogs() {
			if !isDrill(resource.GetResource()) {
				t.Errorf("records of %v", resource.GetResource())
			}
		}
	}
}

// TestBackendThatRejects: what it says that it did not take was not delivered.
func TestBackendThatRejects(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"grpc", "http/protobuf"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			r, environ := backend(t, protocol, oteltest.Options{})
			r.Fail(oteltest.Fault{Rejected: 1, Message: "one too many", Only: func(q oteltest.Request) bool { return q.Metrics == nil }})
			report := Run(t.Context(), Options{Environ: environ, Backend: true})
			if err := report.Err(); err != nil {
				t.Error(err)
			}
			for _, a := range report.Ledger {
				if a.Signal != "metrics" && a.Dropped["rejected"] == 0 || a.Arrived != a.Delivered {
					t.Errorf("%s: %s, arrived %d", a.Signal, a, a.Arrived)
				}
			}
		})
	}
}

// TestBackendThatRefuses: one that takes nothing is not bothered with the rest,
// and what it says, which may echo a secret, is not told.
func TestBackendThatRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		protocol, want string
		away           bool
	}{
		{"grpc", `the backend answered with code "16" of gRPC`, false},
		{"http/protobuf", "the backend answered with status 401", false},
		{"http/protobuf", "the backend gave no answer: ", true},
	} {
		t.Run(c.protocol+" "+c.want, func(t *testing.T) {
			t.Parallel()
			r, environ := backend(t, c.protocol, oteltest.Options{})
			r.Fail(oteltest.Fault{Status: 401, Code: codes.Unauthenticated, Message: "not s3cret"})
			if c.away {
				environ = append([]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1"}, environ...)
			}
			report := Run(soon(t), Options{Environ: append(environ, "OTEL_EXPORTER_OTLP_HEADERS=key=s3cret"), Backend: true})
			if report.Verdict != Failed || len(report.Scenarios) != 1 || !strings.Contains(report.Fault, "nothing else was tried") {
				t.Errorf("%+v", report)
			}
			if reasons := report.Err().Error(); !strings.Contains(reasons, c.want) || !strings.Contains(reasons, "traces: 20 still wait") {
				t.Error(reasons)
			}
			if encoded, err := json.Marshal(report); err != nil || strings.Contains(string(encoded), "s3cret") {
				t.Errorf("%v: %s", err, encoded)
			}
		})
	}
}

// soon returns a context that spares waiting for what will not come.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), forAWhile)
	t.Cleanup(cancel)
	return ctx
}

// TestNoMoreThanAnnounced: an outbox that would send again and again is held.
func TestNoMoreThanAnnounced(t *testing.T) {
	t.Parallel()
	r, environ := backend(t, "http/protobuf", oteltest.Options{})
	c := course{}
	c.beyond, c.outbox = reach(t, environ)
	defer c.beyond.close()
	c.beyond.items.Store(MaxItems - some)
	result := c.play(soon(t), scenarios()[:1])[0]
	if had := len(r.Spans()) + len(r.Metrics()) + len(r.Logs()); result.Verdict != Failed || had > some || !strings.Contains(strings.Join(result.Reasons, "; "), "1000 items are the most") {
		t.Errorf("%d items, %q", had, result.Reasons)
	}
}

// TestStrangers: nobody else gets to the backend on the way of a drill.
func TestStrangers(t *testing.T) {
	t.Parallel()
	r, environ := backend(t, "http/protobuf", oteltest.Options{})
	beyond, _ := reach(t, environ)
	defer beyond.close()
	s, err := newStand(t.Context(), beyond)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	resp, err := http.Post("http://"+s.address+"/v1/traces", "application/x-protobuf", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusForbidden || len(r.Requests()) != 0 {
		t.Errorf("%v: %s, %d requests", err, resp.Status, len(r.Requests()))
	}
}

func reach(t *testing.T, environ []string) (*beyond, exporters.Options) {
	t.Helper()
	set, err := settings.Resolve(environ, nil)
	if err != nil {
		t.Fatal(err)
	}
	o, err := outboxOf(set)
	if err != nil {
		t.Fatal(err)
	}
	b, err := newBeyond(o.Destinations[0])
	if err != nil {
		t.Fatal(err)
	}
	return b, o
}
