package otelmon

import (
	"path/filepath"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/loopback"
)

func TestOutboxDirectoryByEnvironment(t *testing.T) {
	gone, dir := loopback.Addr(t), filepath.Join(t.TempDir(), "outbox")
	m, err := start(t, Config{Endpoint: "http://" + gone}, "OTELMON_OUTBOX_DIR="+dir, "OTELMON_OUTBOX_EACH_SPAN=true")
	if err != nil {
		t.Fatal(err)
	}
	_, span := otel.Tracer("t").Start(t.Context(), "s")
	span.End()
	if err := m.Shutdown(t.Context()); err != nil {
		t.Errorf("it waits in the directory, but %v", err)
	}
	if a := m.Status().Accounts[exporters.Traces]; a.Pending != 1 || m.Status().Dir != dir {
		t.Errorf("%s in %q", a, m.Status().Dir)
	}

	r, mirror := receiver(t), receiver(t)
	second := exporters.To(exporters.Endpoint{URL: mirror.GRPCURL(), Protocol: exporters.ProtocolGRPC})
	second.Name = "mirror"
	m, err = start(t, Config{Endpoint: r.HTTPURL(), OutboxDir: dir, Mirrors: []exporters.Destination{second}}, "OTELMON_REDACT_KEYS=iban, tin")
	if err != nil {
		t.Fatal(err)
	}
	_, span = otel.Tracer("t").Start(t.Context(), "s", trace.WithAttributes(attribute.String("customer.iban", "DE02"), attribute.String("password", "hunter2")))
	span.End()
	if err := m.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(r.Spans()) != 2 || len(mirror.Spans()) != 1 {
		t.Fatalf("%d spans at the backend, %d at the mirror, want 2 and 1", len(r.Spans()), len(mirror.Spans()))
	}
	if text := mirror.Spans()[0].String(); strings.Contains(text, "DE02") || strings.Contains(text, "hunter2") {
		t.Errorf("secrets are sent: %s", text)
	}
}

func TestDirectoryThatIsNotSafeStopsTheStart(t *testing.T) {
	_, err := start(t, Config{OutboxDir: "/dev/null/x"})
	if err == nil || !strings.Contains(err.Error(), "/dev/null/x") {
		t.Errorf("got %v", err)
	}
}
