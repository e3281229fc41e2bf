package console

import (
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// The pages, their JSON and the diagnosis say the same of telemetry that nobody has
// taken yet, and none that it arrives.
func TestDeliveryIsToldAlike(t *testing.T) {
	r := newRig(t, Options{})
	_, s := r.Span(t.Context(), "GET /")
	s.End()
	m := r.MP.Meter(keys.ScopeExporters)
	at := metric.WithAttributes(attribute.String(keys.TelemetryDestination, "default"), attribute.String(keys.TelemetrySignal, "traces"))
	for _, name := range []string{keys.TelemetryCreated, keys.TelemetryPending} {
		n, err := m.Int64UpDownCounter(name)
		if err != nil {
			t.Fatal(err)
		}
		n.Add(t.Context(), 3, at)
	}
	h := r.Handler()
	const reason = "The traces to default: nothing was taken yet; 3 items wait, in memory."
	for path, want := range map[string]string{
		"/": reason, "/delivery": reason, "/api/delivery": `"verdict":"waiting","reason":"` + reason, "/api/diagnosis": `"telemetry":"` + reason,
	} {
		if body := get(h, path).Body.String(); !strings.Contains(body, want) || strings.Contains(body, "is made arrives") {
			t.Errorf("%s does not say %s", path, want)
		}
	}
	if body := get(h, "/").Body.String(); !strings.Contains(body, `delivery">Waiting</a>`) {
		t.Error("the overview does not say that it waits")
	}
}
