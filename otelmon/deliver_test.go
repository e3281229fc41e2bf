package otelmon

import (
	"net/http"
	"slices"
	"testing"

	"go.opentelemetry.io/otel"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/otelmon/otelmon-go/internal/keys"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

func receiver(t *testing.T) *oteltest.Receiver {
	t.Helper()
	r, err := oteltest.Start(oteltest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func TestAllSignalsArriveOverBothProtocols(t *testing.T) {
	// Instruments and handlers made before Start must work after it.
	orders := NewCounter("shop.orders.early", "{order}", "")
	handler := Handler(http.NotFoundHandler())
	for _, protocol := range []string{"http/protobuf", "grpc"} {
		t.Run(protocol, func(t *testing.T) {
			r := receiver(t)
			url := r.HTTPURL()
			if protocol == "grpc" {
				url = r.GRPCURL()
			}
			m, err := start(t, Config{
				Service: "shop", Version: "1.4.0", Endpoint: url, Protocol: protocol, Headers: map[string]string{"api-key": "k"},
			})
			if err != nil {
				t.Fatal(err)
			}
			ctx, end := Begin(t.Context(), "charge")
			m.Logger().InfoContext(ctx, "paid")
			NewCounter("shop.orders", "{order}", "").Add(ctx, 1)
			orders.Add(ctx, 1)
			get(t, handler, "/")
			end(nil)
			if err := m.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}

			if !slices.ContainsFunc(r.Spans(), func(s *tracepb.Span) bool { return s.GetName() == "charge" }) {
				t.Errorf("spans %v", r.Spans())
			}
			logs := r.Logs()
			if len(logs) != 1 || logs[0].GetBody().GetStringValue() != "paid" || len(logs[0].GetTraceId()) == 0 {
				t.Errorf("logs %v", logs)
			}
			units := map[string]string{}
			for _, m := range r.Metrics() {
				units[m.GetName()] = m.GetUnit()
			}
			for name, unit := range map[string]string{
				"shop.orders": "{order}", keys.OperationDuration: "s", "go.memory.used": "By", "go.schedule.duration": "s",
				"go.memory.gc.pause.duration": "s", "process.cpu.time": "s", "process.uptime": "s",
			} {
				if units[name] != unit {
					t.Errorf("%s has unit %q, want %q", name, units[name], unit)
				}
			}
			for _, q := range r.Requests() {
				if q.Header.Get("api-key") != "k" {
					t.Errorf("%s came without the header", q.Path)
				}
			}
		})
	}
}

func TestMutualTLSByEnvironment(t *testing.T) {
	authority, err := oteltest.NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r, err := oteltest.Start(oteltest.Options{TLS: authority.MutualServer()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	files := []string{
		"OTEL_EXPORTER_OTLP_CERTIFICATE=" + authority.CAFile,
		"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=" + authority.ClientCertFile,
		"OTEL_EXPORTER_OTLP_CLIENT_KEY=" + authority.ClientKeyFile,
	}
	// Traces take one protocol, metrics and logs the other.
	m, err := start(t, Config{}, append(
		files,
		"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="+r.GRPCURL(),
		"OTEL_EXPORTER_OTLP_ENDPOINT="+r.HTTPURL(), "OTEL_EXPORTER_OTLP_TRACES_HEADERS=key=t", "OTEL_EXPORTER_OTLP_HEADERS=key=g",
		"OTEL_EXPORTER_OTLP_COMPRESSION=gzip",
	)...)
	if err != nil {
		t.Fatal(err)
	}
	_, span := otel.Tracer("t").Start(t.Context(), "s")
	span.End()
	m.Logger().Info("hello")
	if err := m.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(r.Spans()) != 1 || len(r.Logs()) != 1 || len(r.Metrics()) == 0 {
		t.Errorf("%d spans, %d logs, %d metrics", len(r.Spans()), len(r.Logs()), len(r.Metrics()))
	}
	for _, q := range r.Requests() {
		protocol, key := "http/protobuf", "g"
		if q.Traces != nil {
			protocol, key = "grpc", "t"
		}
		if q.Protocol != protocol || q.Header.Get("key") != key {
			t.Errorf("%s came by %s with %q", q.Path, q.Protocol, q.Header.Get("key"))
		}
	}
}

func TestFlushDeliversWhatIsBuffered(t *testing.T) {
	r := receiver(t)
	m, err := start(t, Config{Endpoint: r.HTTPURL()})
	if err != nil {
		t.Fatal(err)
	}
	_, span := otel.Tracer("t").Start(t.Context(), "s")
	span.End()
	if err := m.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(r.Spans()) != 1 || len(r.Metrics()) == 0 {
		t.Errorf("%d spans, %d metrics", len(r.Spans()), len(r.Metrics()))
	}
}

func TestRejectedItemsAreLossesInTheShutdownError(t *testing.T) {
	r := receiver(t)
	r.Fail(oteltest.Fault{Rejected: 1, Message: "too old"})
	m, err := start(t, Config{Endpoint: r.HTTPURL()}, "OTEL_METRICS_EXPORTER=none")
	if err != nil {
		t.Fatal(err)
	}
	_, span := otel.Tracer("t").Start(t.Context(), "s")
	span.End()
	if err := m.Shutdown(t.Context()); err == nil {
		t.Error("a rejected span went unnoticed")
	}
}
