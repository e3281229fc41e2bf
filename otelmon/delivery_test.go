package otelmon

import (
	"strings"
	"testing"

	"go.opentelemetry.io/otel"

	"github.com/otelmon/otelmon-go/health/checkers"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

func TestDeliveryTellsWhatArrivesAndWhatDoesNot(t *testing.T) {
	r := receiver(t)
	m, err := start(t, Config{Endpoint: r.HTTPURL()})
	if err != nil {
		t.Fatal(err)
	}
	check := checkers.Delivery(m.Delivery, 0)
	send := func() {
		_, span := otel.Tracer("t").Start(t.Context(), "s")
		span.End()
		_ = m.Flush(t.Context()) // Delivery is to tell it
	}

	send()
	delivered, failed, last := m.Delivery()
	if delivered < 2 || failed != 0 || last != nil { // the span and points of runtime metrics
		t.Errorf("%d delivered, %d failed, %v", delivered, failed, last)
	}
	if err := check(t.Context()); err != nil {
		t.Errorf("check: %v", err)
	}

	r.Fail(oteltest.Fault{Status: 400})
	send()
	stillDelivered, failed, last := m.Delivery()
	if stillDelivered != delivered || failed < 2 || last == nil || !strings.Contains(last.Error(), " to 127.0.0.1:") {
		t.Errorf("%d delivered, %d failed, %v", stillDelivered, failed, last)
	}
	if err := check(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "part of the telemetry does not arrive") {
		t.Errorf("check: %v", err)
	}
	_ = m.Shutdown(t.Context())

	none, err := start(t, Config{Exporters: "none"})
	if err != nil {
		t.Fatal(err)
	}
	if delivered, failed, last := none.Delivery(); delivered != 0 || failed != 0 || last != nil {
		t.Errorf("without exporters: %d delivered, %d failed, %v", delivered, failed, last)
	}
}
