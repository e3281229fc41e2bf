package diagnosis

import (
	"fmt"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/console/store"
)

func TestStatus(t *testing.T) {
	for name, c := range map[string]struct {
		state       string
		severities  []string
		spans       int
		instruments int
		want        string
	}{
		"the service says it is bad":         {"unhealthy", nil, 1, 1, "unhealthy"},
		"it says well, but a fault is found": {"healthy", []string{Critical, Info}, 1, 1, "degraded"},
		"it says well, and what is small is": {"healthy", []string{Info}, 1, 1, "healthy"},
		"it says well":                       {"healthy", nil, 0, 0, "healthy"},
		"it says so so":                      {"degraded", nil, 1, 1, "degraded"},
		"it says nothing, a fault is found":  {"", []string{Info, Critical}, 1, 1, "unhealthy"},
		"it does not know, a fault is found": {"unknown", []string{Critical}, 1, 1, "unhealthy"},
		"it says nothing, a smaller one is":  {"", []string{Warning}, 1, 1, "degraded"},
		"nothing is known":                   {"", nil, 0, 0, "unknown"},
		"nothing but that it does not know":  {"unknown", nil, 0, 0, "unknown"},
		"there are spans":                    {"unknown", nil, 1, 0, "healthy"},
		"there are metrics":                  {"", nil, 0, 1, "healthy"},
	} {
		s := &snapshot{traffic: &traffic{spans: make([]span, c.spans)}, instruments: make([]store.Instrument, c.instruments)}
		s.health.State = c.state
		var found []*finding
		for _, severity := range c.severities {
			found = append(found, &finding{Finding: Finding{Severity: severity}})
		}
		if got := s.status(found); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestWhatIsFine(t *testing.T) {
	d := draw()
	ended := time.Now()
	used, rarely, bad := d.group("used", trace.SpanKindClient, &peer{}), d.group("rarely", trace.SpanKindClient, &peer{}), d.group("bad", trace.SpanKindClient, &peer{})
	own := d.group("own", trace.SpanKindServer, nil)
	for i := range 30 {
		for _, g := range []*group{used, bad, own} {
			d.add(g, -1, float64(i), 1)
		}
		if i < leastBefore-1 {
			d.add(rarely, -1, float64(i), 1)
		}
	}
	s := &snapshot{traffic: &d.traffic}
	bad.bad = 1
	s.health.Checks = []store.Check{{Name: "good", State: "healthy"}, {Name: "ill", State: "unhealthy"}, {Name: "flaps", State: "healthy", Flapping: true}, {Name: "Found", State: "healthy"}, {State: "healthy"}}
	s.operations = []store.Operation{{Name: "import"}, {Name: "import"}, {Name: "export", Ended: &ended}}
	f := find(KindErrorRate, "found", ended, 1, "", "")
	if got := fmt.Sprint(s.healthy([]*finding{f})); got != "[good import used]" {
		t.Error(got)
	}
	for i := range 30 {
		s.operations = append(s.operations, store.Operation{Name: fmt.Sprint("more ", i)})
	}
	if got := s.healthy(nil); len(got) != maxHealthy {
		t.Errorf("%d names", len(got))
	}

	f.Consequences, f.group = []string{"slow GET /cart"}, &group{name: "pg.internal"}
	for component, want := range map[string]bool{"FOUND": true, "/cart": true, "pg.": true, "ldap": false} {
		if f.concerns(component) != want {
			t.Errorf("%s: %v", component, !want)
		}
	}
}

func TestPeers(t *testing.T) {
	pg, cache := peer{system: "postgresql", address: "pg-1.internal", port: "0", namespace: "shop"}, peer{system: "redis", address: "10.0.0.7"}
	local, bare := peer{system: "mysql", address: "127.0.0.1", port: "3306", namespace: "crm"}, peer{address: "localhost", port: "9001"}
	for p, want := range map[*peer]string{
		&pg: "pg-1.internal", &local: "mysql crm", &bare: "localhost:9001",
		{system: "mysql", address: "::1", port: "0"}: "mysql", {address: "localhost", port: "0"}: "localhost",
		{service: "auth", address: "a.svc"}: "auth", {system: "kafka"}: "kafka", {system: "kafka", namespace: "mails"}: "kafka mails",
	} {
		if got := p.name(); got != want {
			t.Errorf("%+v is %s, want %s", *p, got, want)
		}
	}
	for _, c := range []struct {
		of   *peer
		name string
		want bool
	}{
		{&pg, "db", true},
		{&pg, "database", true},
		{&pg, "postgres", true},
		{&pg, "shop", true},
		{&pg, "Shop API", true},
		{&pg, "pg", false},
		{&pg, "cache", false},
		{&pg, "internal", false},
		{&pg, "ldap", false},
		{&peer{address: "search.svc"}, "searcher", true},
		{&peer{address: "orders.svc"}, "or", false},
		{&peer{address: "ab.svc"}, "abc", false},
		{&cache, "cache", true},
		{&cache, "db", false},
		{&cache, "redis-check", true},
		{&cache, "10", false},
		{&bare, "db", false},
		{&bare, "localhost", false},
		{&peer{address: "payments.example.com"}, "payments api", true},
		{&peer{address: "payments.example.com"}, "com", false},
		{&peer{system: "memcached"}, "cache", true},
		{&peer{system: "valkey"}, "cache", true},
		{&peer{system: "kafka"}, "db", false},
	} {
		if c.of.matches(c.name) != c.want {
			t.Errorf("%s means %+v: %v", c.name, *c.of, !c.want)
		}
	}
	if !pg.owns("pg-1.internal") || !(&peer{namespace: "0"}).owns("0") || pg.owns("crm") {
		t.Error("a pool belongs to its database")
	}
}
