package store

import (
	"strings"
	"testing"

	"github.com/otelmon/otelmon-go/internal/keys"
)

func TestMetricsOfTheProgramComeFirst(t *testing.T) {
	const contrib = "go.opentelemetry.io/contrib/instrumentation/"
	r := newRig(t, 0)
	for _, m := range []struct{ scope, name string }{
		{keys.ScopeOtelmon, "process.uptime"},
		{contrib + "runtime", "go.goroutine.count"},
		{contrib + "net/http/otelhttp", "http.client.request.body.size"},
		{contrib + "net/http/otelhttp", "http.server.request.duration"},
		{keys.ScopeOtelmon, keys.OperationDuration},
		{keys.ScopeHealth, keys.HealthStatus},
		{keys.ScopeBulk, keys.BulkIO},
		{"shop/checkout", "shop.orders"},
		{keys.ScopeOtelmon, "db.client.operation.duration"},
	} {
		c, err := r.MP.Meter(m.scope).Int64Counter(m.name)
		if err != nil {
			t.Fatal(err)
		}
		c.Add(t.Context(), 1)
	}
	var names []string
	for _, i := range r.Metrics("", MaxSeries).Instruments {
		names = append(names, i.Name)
	}
	want := "db.client.operation.duration shop.orders bulk.io health.status otelmon.operation.duration " +
		"http.server.request.duration http.client.request.body.size go.goroutine.count process.uptime"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
