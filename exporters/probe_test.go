package exporters

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/otelmon/otelmon-go/internal/keys"
	"github.com/otelmon/otelmon-go/internal/loopback"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

func TestProbeArrivesAsWhatItIs(t *testing.T) {
	authority := authorityIn(t)
	for name, config := range map[string]oteltest.Options{"plain": {}, "tls": {TLS: authority.Server()}} {
		r := receiver(t, config)
		for protocol, e := range both(r) {
			t.Run(name+" "+protocol, func(t *testing.T) {
				if config.TLS != nil {
					e.CertificateFile = authority.CAFile
				}
				p := NewProbe("shop")
				for signal := range Signal(signals) {
					got := p.Send(t.Context(), e, signal)
					if !got.Taken || got.Err != nil || got.Stage != StageAnswer || got.Took[StageAnswer] <= 0 || got.Took[StageConnect] <= 0 || got.Proxy {
						t.Errorf("%s: %+v", signal, got)
					}
					if got.Expires.IsZero() != (config.TLS == nil) || got.Dated != (protocol == "http") || got.Ahead != 0 {
						t.Errorf("%s: %+v", signal, got)
					}
				}
				q := r.Requests()[len(r.Requests())-signals:]
				resource := q[0].Traces.GetResourceSpans()[0].GetResource().GetAttributes()
				if resource[0].GetValue().GetStringValue() != "shop" || resource[1].GetKey() != keys.Probe || !resource[1].GetValue().GetBoolValue() {
					t.Errorf("resource %v", resource)
				}
				span, record := r.Spans()[len(r.Spans())-1], r.Logs()[len(r.Logs())-1]
				if string(span.GetTraceId()) != string(p.TraceID[:]) || string(record.GetTraceId()) != string(p.TraceID[:]) || len(span.GetSpanId()) != 8 {
					t.Errorf("%v, %v", span, record)
				}
				all := r.Metrics()
				if got := all[len(all)-1].GetGauge().GetDataPoints()[0].GetAsDouble(); got != p.Seconds() {
					t.Errorf("data point %v, want %v", got, p.Seconds())
				}
			})
		}
	}
}

// Each row is a way to fail, with how far the probe comes and what Explain says.
func TestProbeFails(t *testing.T) {
	plain := receiver(t, oteltest.Options{})
	authority := authorityIn(t)
	secure, mutual := receiver(t, oteltest.Options{TLS: authority.Server()}), receiver(t, oteltest.Options{TLS: authority.MutualServer()})
	silent := tcp(t, func(net.Conn) {})
	dead := loopback.Addr(t)
	tls := func(url string) string { return strings.Replace(url, "http://", "https://", 1) }
	text := func(url string) string { return strings.Replace(url, "https://", "http://", 1) }
	for name, c := range map[string]struct {
		e     Endpoint
		stage Stage
		words string
	}{
		"no scheme":         {Endpoint{URL: "localhost:4318"}, StageEndpoint, "no scheme"},
		"https to plain":    {Endpoint{URL: tls(plain.HTTPURL())}, StageTLS, "write http://"},
		"grpc tls to plain": {Endpoint{URL: tls(plain.GRPCURL()), Protocol: ProtocolGRPC}, StageTLS, "write http://"},
		"http to tls":       {Endpoint{URL: text(secure.HTTPURL())}, StageAnswer, "write https://"},
		"http to grpc port": {Endpoint{URL: plain.GRPCURL()}, StageAnswer, "write port 4318"},
		"grpc to http port": {Endpoint{URL: plain.HTTPURL(), Protocol: ProtocolGRPC}, StageAnswer, "http/protobuf"},
		"refused":           {Endpoint{URL: "http://" + dead}, StageConnect, "start the collector"},
		"grpc refused":      {Endpoint{URL: "http://" + dead, Protocol: ProtocolGRPC}, StageConnect, "start the collector"},
		"no such host":      {Endpoint{URL: "http://nowhere.invalid:4318"}, StageResolve, ""},
		"unknown authority": {Endpoint{URL: secure.HTTPURL()}, StageTLS, "give its CA"},
		"no client cert":    {Endpoint{URL: mutual.HTTPURL(), CertificateFile: authority.CAFile}, StageAnswer, ""},
		"silent":            {Endpoint{URL: silent, Timeout: 200 * time.Millisecond}, StageAnswer, "did not answer in time"},
		"silent tls":        {Endpoint{URL: tls(silent), Timeout: 200 * time.Millisecond}, StageTLS, "did not answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			got := NewProbe("shop").Send(ctx, c.e, Traces)
			if got.Taken || got.Err == nil || got.Stage != c.stage || !strings.Contains(got.Err.Error()+Explain(got.Err), c.words) {
				t.Errorf("%+v\nexplained as %q, want stage %s and %q", got, Explain(got.Err), c.stage, c.words)
			}
		})
	}
}

func TestProbeIsRefused(t *testing.T) {
	r := receiver(t, oteltest.Options{})
	for _, c := range []struct {
		fault oteltest.Fault
		words string
	}{
		{oteltest.Fault{Status: 401, Code: codes.Unauthenticated}, "wants credentials"},
		{oteltest.Fault{Status: 403, Code: codes.PermissionDenied}, "does not let them write"},
		{oteltest.Fault{Status: 404, Code: codes.Unimplemented}, "no OTLP receiver"},
		{oteltest.Fault{Status: 429, Code: codes.ResourceExhausted}, "takes no more"},
		{oteltest.Fault{Rejected: 1, Message: "too old"}, "rejected some items"},
	} {
		r.Fail(c.fault)
		for name, e := range both(r) {
			got := NewProbe("shop").Send(t.Context(), e, Logs)
			if got.Taken || !strings.Contains(Explain(got.Err), c.words) {
				t.Errorf("%s %+v: %+v", name, c.fault, got)
			}
		}
	}
}

func TestProbeShowsNoSecret(t *testing.T) {
	e := answering(t, func(w http.ResponseWriter, req *http.Request) {
		http.Error(w, "who is "+req.Header.Get("api-key"), http.StatusUnauthorized)
	})
	e.Headers = map[string]string{"api-key": "s3cret-s3cret"}
	if got := NewProbe("shop").Send(t.Context(), e, Logs); got.Err == nil || strings.Contains(got.Err.Error(), "s3cret") {
		t.Error(got.Err)
	}
}

func TestAhead(t *testing.T) {
	sent := time.Unix(1000, 5e8)
	received := sent.Add(200 * time.Millisecond)
	for date, want := range map[time.Time]time.Duration{
		time.Unix(1000, 0): 0, // cut to the second
		time.Unix(999, 0):  500 * time.Millisecond,
		time.Unix(940, 0):  59*time.Second + 500*time.Millisecond,
		time.Unix(1060, 0): -(59*time.Second + 300*time.Millisecond),
	} {
		if got := ahead(sent, received, date); got != want {
			t.Errorf("%s: ahead by %s, want %s", date, got, want)
		}
	}
}
