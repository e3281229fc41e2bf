package exporters

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/otelmon/otelmon-go/internal/loopback"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

func TestSend(t *testing.T) {
	r := receiver(t, oteltest.Options{})
	for _, compression := range []string{CompressionNone, CompressionGzip} {
		for name, e := range both(r) {
			t.Run(name, func(t *testing.T) {
				e.Compression, e.Headers = compression, map[string]string{"api-key": "k"}
				for signal := range Signal(signals) {
					s := senderTo(t, e, signal)
					before := len(r.Requests())
					for range 2 {
						wantAnswer(t, s.send(t.Context(), requestOf(t, signal, 3), "b1"), kindDelivered, "")
					}
					for _, q := range r.Requests()[before:] {
						h := q.Header
						if got := namesIn(q); len(got) != 3 || h.Get("api-key") != "k" || h.Get(batchHeader) != "b1" || !strings.HasPrefix(h.Get("User-Agent"), userAgent) {
							t.Errorf("%s: %v arrived with %v", signal, got, h)
						}
						if e.Protocol == "" && (h.Get("Content-Type") != contentType || (h.Get("Content-Encoding") == "gzip") != (compression == CompressionGzip)) {
							t.Errorf("%v", h)
						}
					}
				}
			})
		}
	}
}

// What the backend says decides what becomes of the batch.
func TestKinds(t *testing.T) {
	r := receiver(t, oteltest.Options{})
	for _, c := range []struct {
		status int
		code   codes.Code
		say    string
		want   answer
		words  string
	}{
		{429, codes.ResourceExhausted, "quota of 5 spans/s", answer{}, "takes no more"},
		{503, codes.Unavailable, "soon", answer{}, "soon"},
		{502, codes.Aborted, "x", answer{}, "x"},
		{504, codes.OutOfRange, "x", answer{}, "x"},
		{408, codes.DeadlineExceeded, "x", answer{}, "x"},
		{500, codes.Internal, "x", answer{suspect: true}, "x"},
		{500, codes.Unknown, "x", answer{suspect: true}, "x"},
		{401, codes.Unauthenticated, "x", answer{kind: kindHold, denied: true}, "wants credentials"},
		{403, codes.PermissionDenied, "x", answer{kind: kindHold, denied: true}, "does not let them"},
		{404, codes.Unimplemented, "x", answer{kind: kindHold}, "no OTLP receiver"},
		{405, codes.NotFound, "x", answer{kind: kindHold}, "x"},
		{415, codes.Unimplemented, "x", answer{kind: kindHold}, "x"},
		{307, codes.Unimplemented, "x", answer{kind: kindHold}, "x"},
		{400, codes.InvalidArgument, "x", answer{kind: kindRefused}, "does not accept"},
		{422, codes.FailedPrecondition, "x", answer{kind: kindRefused}, "x"},
		{413, codes.ResourceExhausted, "grpc: received message larger than max (5 vs. 4)", answer{kind: kindRefused, tooLarge: true}, "larger than the backend takes"},
	} {
		r.Fail(oteltest.Fault{Status: c.status, Code: c.code, Message: c.say})
		for name, e := range both(r) {
			t.Run(name, func(t *testing.T) {
				got := senderTo(t, e, Traces).send(t.Context(), requestOf(t, Traces, 1), "b")
				wantAnswer(t, got, c.want.kind, c.words)
				if got.tooLarge != c.want.tooLarge || got.suspect != c.want.suspect || got.denied != c.want.denied || got.rejected != 0 {
					t.Errorf("%d, %s: %+v, want %+v", c.status, c.code, got, c.want)
				}
			})
		}
	}
}

func TestPartialSuccessIsDelivered(t *testing.T) {
	r := receiver(t, oteltest.Options{})
	r.Fail(oteltest.Fault{Rejected: 2, Message: "too old"})
	for name, e := range both(r) {
		t.Run(name, func(t *testing.T) {
			for signal := range Signal(signals) {
				a := senderTo(t, e, signal).send(t.Context(), requestOf(t, signal, 3), "b")
				wantAnswer(t, a, kindDelivered, "too old")
				if a.rejected != 2 {
					t.Errorf("%s: %d rejected, want 2", signal, a.rejected)
				}
			}
		})
	}
}

func TestServerSaysWhenToComeBack(t *testing.T) {
	r := receiver(t, oteltest.Options{})
	for wish, want := range map[time.Duration]time.Duration{3 * time.Second: 3 * time.Second, 100 * time.Hour: maxAfter} {
		r.Fail(oteltest.Fault{
			Status: 429, Header: map[string]string{"Retry-After": fmt.Sprint(int(wish.Seconds()))},
			Code: codes.ResourceExhausted, RetryDelay: wish, Message: "message too large a rate", // RetryInfo says that waiting helps
		})
		for name, e := range both(r) {
			t.Run(name, func(t *testing.T) {
				a := senderTo(t, e, Logs).send(t.Context(), requestOf(t, Logs, 1), "b")
				if wantAnswer(t, a, kindRetry, "takes no more"); a.after != want {
					t.Errorf("wait %s, want %s", a.after, want)
				}
			})
		}
	}
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		date := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
		for value, want := range map[string]time.Duration{
			"0": 0, "7": 7 * time.Second, "-7": 0, "601": maxAfter, "99999999999999999999": maxAfter, "9223372036854775807": maxAfter,
			"-99999999999999999999": 0, "soon": 0, "": 0, "1.5": 0,
			date(90 * time.Second): 90 * time.Second, date(-time.Hour): 0, date(1000 * time.Hour): maxAfter,
		} {
			if got := retryAfter(value); got != want {
				t.Errorf("%q: %s, want %s", value, got, want)
			}
		}
	})
}

func TestStatusInBody(t *testing.T) {
	info, err := anypb.New(&errdetails.RetryInfo{RetryDelay: durationpb.New(4 * time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	e := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write(encode(t, &rpcstatus.Status{Code: 14, Message: "out of memory", Details: []*anypb.Any{info}}))
	})
	a := senderTo(t, e, Traces).send(t.Context(), requestOf(t, Traces, 1), "b")
	wantAnswer(t, a, kindRetry, "503 Service Unavailable: out of memory")
	if a.after != 4*time.Second {
		t.Errorf("wait %s", a.after)
	}
}

// The status says that the batch was taken; a second delivery would double it.
func TestBrokenAnswerIsDelivered(t *testing.T) {
	for name, c := range map[string]struct {
		say   func(http.ResponseWriter, *http.Request)
		words string
	}{
		"none":         {func(http.ResponseWriter, *http.Request) {}, ""},
		"no protobuf":  {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }, ""},
		"broken":       {func(w http.ResponseWriter, _ *http.Request) { protobuf(w); _, _ = io.WriteString(w, "\xff\xff") }, "cannot be read"},
		"too long":     {func(w http.ResponseWriter, _ *http.Request) { protobuf(w); flood(w, maxResponse+1) }, "longer than"},
		"broken off":   {func(w http.ResponseWriter, _ *http.Request) { protobuf(w); flood(w, 1000); panic(http.ErrAbortHandler) }, "broke off"},
		"never ends":   {func(w http.ResponseWriter, q *http.Request) { flood(w, 1000); <-q.Context().Done() }, "broke off"},
		"other status": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := answering(t, c.say)
			if name == "never ends" { // the others take as long as the machine needs
				e.Timeout = 300 * time.Millisecond
			}
			wantAnswer(t, senderTo(t, e, Traces).send(t.Context(), requestOf(t, Traces, 1), "b"), kindDelivered, c.words)
		})
	}
}

func protobuf(w http.ResponseWriter) { w.Header().Set("Content-Type", contentType) }

func flood(w http.ResponseWriter, n int) {
	_, _ = io.WriteString(w, strings.Repeat("x", n))
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}

func TestHugeGRPCAnswerIsDelivered(t *testing.T) {
	r := receiver(t, oteltest.Options{})
	r.Fail(oteltest.Fault{Message: strings.Repeat("x", maxResponse)})
	e := Endpoint{URL: r.GRPCURL(), Protocol: ProtocolGRPC}
	wantAnswer(t, senderTo(t, e, Traces).send(t.Context(), requestOf(t, Traces, 1), "b"), kindDelivered, "answer is too long")
	// The same complaint of the server is about the request.
	r.Heal()
	body := encode(t, &coltrace.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{
		ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{{Name: strings.Repeat("x", 5<<20)}}}},
	}}})
	a := senderTo(t, e, Traces).send(t.Context(), body, "b")
	if wantAnswer(t, a, kindRefused, "larger than max"); !a.tooLarge {
		t.Error("not for its size")
	}
}

func TestErrorIsCleanedOfWhatTheServerSays(t *testing.T) {
	r := receiver(t, oteltest.Options{})
	const key, token = "hunter2-and-more", "t0ken-that-is-secret"
	line := "2026-01-01 ERROR forged; you sent Bearer " + key + ", token " + token + "\n\x1b[31m\u202e"
	dir := t.TempDir()
	file := filepath.Join(dir, "token")
	write(t, file, token+"\n")
	for _, size := range []int{1 << 10, 3 << 20} {
		for _, code := range []int{400, 401, 429, 503} {
			r.Fail(oteltest.Fault{Status: code, Code: codes.InvalidArgument, Message: strings.Repeat(line, size/len(line))})
			for name, e := range both(r) {
				t.Run(name, func(t *testing.T) {
					e.Headers, e.TokenFile = map[string]string{"api-key": key}, file
					a := senderTo(t, e, Traces).send(t.Context(), requestOf(t, Traces, 1), "b")
					if a.err == nil {
						t.Fatal("no error")
					}
					said := a.err.Error()
					if len(said) > 1<<10 || strings.ContainsAny(said, "\n\x1b\u202e") || strings.Contains(said, key) || strings.Contains(said, token) {
						t.Errorf("%d bytes: %q", len(said), said)
					}
				})
			}
		}
	}
}

func TestRedirectIsHeld(t *testing.T) {
	var followed bool
	other := answering(t, func(http.ResponseWriter, *http.Request) { followed = true })
	e := answering(t, func(w http.ResponseWriter, q *http.Request) {
		http.Redirect(w, q, other.URL, http.StatusPermanentRedirect)
	})
	wantAnswer(t, senderTo(t, e, Traces).send(t.Context(), requestOf(t, Traces, 1), "b"), kindHold, "redirect")
	if followed {
		t.Error("the redirect was followed")
	}
}

func TestOutagesAreRetried(t *testing.T) {
	closed := tcp(t, func(c net.Conn) { _ = c.Close() })
	reset := tcp(t, func(c net.Conn) {
		if tc, ok := c.(*net.TCPConn); ok {
			_ = tc.SetLinger(0)
		}
		_ = c.Close()
	})
	silent := tcp(t, func(net.Conn) {})
	refused := "http://" + loopback.Addr(t)
	hanging := receiver(t, oteltest.Options{})
	hanging.Fail(oteltest.Fault{Hang: true})
	for _, c := range []struct{ name, http, grpc, words string }{
		{"refused", refused, refused, "start the collector"},
		{"closed at once", closed, closed, "closed the gRPC connection"},
		{"reset", reset, reset, "broke"},
		{"blackhole", silent, silent, "did not answer in time"},
		{"hangs", hanging.HTTPURL(), hanging.GRPCURL(), "did not answer in time"},
		{"unknown host", "http://nobody.invalid:80", "http://nobody.invalid:80", "host name is not known"},
	} {
		for _, e := range []Endpoint{{URL: c.http}, {URL: c.grpc, Protocol: ProtocolGRPC}} {
			t.Run(c.name+"/"+e.Protocol, func(t *testing.T) {
				t.Parallel()
				e.Timeout = time.Second
				if a := senderTo(t, e, Traces).send(t.Context(), requestOf(t, Traces, 1), "b"); a.kind != kindRetry || Explain(a.err) == "" {
					t.Errorf("%s: %v explained as %q, want retry with %q", a.kind, a.err, Explain(a.err), c.words)
				}
			})
		}
	}
}

// A mix-up is kept for somebody to repair, and told so that they can.
func TestMixUpsAreHeld(t *testing.T) {
	a := authorityIn(t)
	plain, secure, mutual := receiver(t, oteltest.Options{}), receiver(t, oteltest.Options{TLS: a.Server()}), receiver(t, oteltest.Options{TLS: a.MutualServer()})
	https := func(url string) string { return strings.Replace(url, "http://", "https://", 1) }
	http := func(url string) string { return strings.Replace(url, "https://", "http://", 1) }
	for name, c := range map[string]struct {
		endpoint Endpoint
		want     string
	}{
		"http to the gRPC port": {Endpoint{URL: plain.GRPCURL()}, "sent to a gRPC port"},
		"gRPC to the HTTP port": {Endpoint{URL: plain.HTTPURL(), Protocol: ProtocolGRPC}, "protocol to http/protobuf"},
		"https to plain HTTP":   {Endpoint{URL: https(plain.HTTPURL())}, "write http://"},
		"https to plain gRPC":   {Endpoint{URL: https(plain.GRPCURL()), Protocol: ProtocolGRPC}, "write http://"},
		"http to TLS":           {Endpoint{URL: http(secure.HTTPURL())}, "expects TLS"},
		"HTTP without the CA":   {Endpoint{URL: secure.HTTPURL()}, "CertificateFile"},
		"gRPC without the CA":   {Endpoint{URL: secure.GRPCURL(), Protocol: ProtocolGRPC}, "CertificateFile"},
		"HTTP to a wrong path":  {Endpoint{URL: plain.HTTPURL() + "/v1/trace", Exact: true}, "no OTLP receiver at this path"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := senderTo(t, c.endpoint, Traces)
			for range 3 {
				wantAnswer(t, s.send(t.Context(), requestOf(t, Traces, 1), "b"), kindHold, c.want)
			}
		})
	}
	// Here the receiver may hang up without a word, as one does that restarts.
	for name, c := range map[string]struct {
		endpoint Endpoint
		want     string
	}{
		"plain gRPC to TLS":       {Endpoint{URL: http(secure.GRPCURL()), Protocol: ProtocolGRPC}, "TLS"},
		"gRPC without a client's": {Endpoint{URL: mutual.GRPCURL(), Protocol: ProtocolGRPC, CertificateFile: a.CAFile}, "client certificate"},
		"HTTP without a client's": {Endpoint{URL: mutual.HTTPURL(), CertificateFile: a.CAFile}, "client certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := senderTo(t, c.endpoint, Traces).send(t.Context(), requestOf(t, Traces, 1), "b")
			if a.kind != kindRetry && a.kind != kindHold || !strings.Contains(Explain(a.err), c.want) {
				t.Errorf("%s: %v explained as %q", a.kind, a.err, Explain(a.err))
			}
		})
	}
}

func TestSendEndsWithItsContext(t *testing.T) {
	r := receiver(t, oteltest.Options{})
	r.Fail(oteltest.Fault{Hang: true})
	for name, e := range both(r) {
		t.Run(name, func(t *testing.T) {
			e.Timeout = time.Hour
			before := len(r.Requests())
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				_ = r.Wait(ctx, func(r *oteltest.Receiver) bool { return len(r.Requests()) > before })
				cancel()
			}()
			wantAnswer(t, senderTo(t, e, Traces).send(ctx, requestOf(t, Traces, 1), "b"), kindRetry, "given up")
		})
	}
}

// A receiver that comes back is found by the next attempt, whatever gRPC's own
// backoff has come to.
func TestReceiverIsFoundAgain(t *testing.T) {
	for _, protocol := range []string{ProtocolHTTP, ProtocolGRPC} {
		t.Run(protocol, func(t *testing.T) {
			addr := loopback.Addr(t)
			s := senderTo(t, Endpoint{URL: "http://" + addr, Protocol: protocol}, Traces)
			body := requestOf(t, Traces, 1)
			for range 20 {
				wantAnswer(t, s.send(t.Context(), body, "b"), kindRetry, "connection refused")
			}
			o := oteltest.Options{HTTPAddr: addr}
			if protocol == ProtocolGRPC {
				o = oteltest.Options{GRPCAddr: addr}
			}
			receiver(t, o)
			wantAnswer(t, s.send(t.Context(), body, "b"), kindDelivered, "")
		})
	}
}

type panicking struct{}

func (panicking) carry(context.Context, []byte, string, string) answer { panic("at the worst time") }
func (panicking) close()                                               {}

func TestPanicIsAnAnswer(t *testing.T) {
	s := senderTo(t, Endpoint{}, Traces)
	s.retire()
	s.current = &way{carrier: panicking{}}
	a := s.send(t.Context(), nil, "b")
	if wantAnswer(t, a, kindRetry, "at the worst time"); !errors.Is(a.err, errPanic) {
		t.Error("not said to be a panic")
	}
	if s.current.users != 0 {
		t.Error("the way stays in use")
	}
}
