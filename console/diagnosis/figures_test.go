package diagnosis

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/keys"
)

// history is a snapshot with these figures of the runtime and instruments, five
// seconds apart.
func history(figures map[string][]float64, instruments ...store.Instrument) *snapshot {
	s := &snapshot{now: time.Now(), traffic: &traffic{}, instruments: instruments, storeBytes: 1000, runtime: store.Runtime{Interval: 5}}
	s.from = s.now.Add(-UsualSince)
	for name, v := range figures {
		s.runtime.Figures = append(s.runtime.Figures, store.Figure{Name: name, History: numbersOf(v)})
	}
	return s
}

func numbersOf(v []float64) (list []store.Number) {
	for _, x := range v {
		list = append(list, store.Number(x))
	}
	return list
}

// instrument has one series for each attribute, which is key=value.
func instrument(name, kind string, of map[string][]float64) store.Instrument {
	in := store.Instrument{Name: name, Kind: kind}
	for attribute, v := range of {
		key, value, _ := strings.Cut(attribute, "=")
		in.Series = append(in.Series, store.Series{Attributes: store.Attributes{{Key: key, Value: value}}, Value: store.Number(v[len(v)-1]), History: numbersOf(v)})
	}
	return in
}

// climb goes from one value to another in so many steps.
func climb(n int, from, to float64) (v []float64) {
	for i := range n {
		v = append(v, from+(to-from)*float64(i)/float64(n-1))
	}
	return v
}

func TestLeaks(t *testing.T) {
	for name, c := range map[string]struct {
		figure      string
		v           []float64
		early, late float64 // spans begun each second, in the first half and the second
		want        string
	}{
		"goroutines":                      {"goroutines", climb(60, 20, 200), 0, 0, "[goroutine_leak goroutines]"},
		"a few goroutines":                {"goroutines", climb(60, 20, 60), 0, 0, "[]"},
		"goroutines, with the load":       {"goroutines", climb(60, 100, 500), 1, 4, "[]"},
		"goroutines, with little load":    {"goroutines", climb(60, 100, 500), 0.5, 2, "[]"},
		"goroutines after a while":        {"goroutines", append(series(run{40, 20}), climb(50, 20, 200)...), 1, 1, "[goroutine_leak goroutines]"},
		"goroutines, by more than load":   {"goroutines", climb(60, 50, 500), 1, 2, "[goroutine_leak goroutines]"},
		"by less than half more":          {"goroutines", climb(60, 200, 310), 1, 1, "[]"},
		"goroutines, with next to none":   {"goroutines", climb(60, 100, 500), 0.1, 0.4, "[goroutine_leak goroutines]"},
		"goroutines, while load falls":    {"goroutines", climb(60, 100, 190), 4, 1, "[goroutine_leak goroutines]"},
		"memory":                          {"heap.live", climb(60, 1000, 4000), 0, 0, "[memory_growth memory]"},
		"no more memory than store's own": {"heap.live", climb(60, 1000, 1900), 0, 0, "[]"},
		"memory, with the load":           {"heap.live", climb(60, 1000, 4000), 1, 4, "[]"},
	} {
		figures := map[string][]float64{"goroutines": series(run{len(c.v), 10})}
		figures[c.figure] = c.v
		s := history(figures)
		for i := range 300 {
			at, n := s.now.Add(time.Duration(i-300)*time.Second).UnixNano(), c.early
			if i >= 150 {
				n = c.late
			}
			for range int(float64(i+1)*n) - int(float64(i)*n) {
				s.traffic.spans = append(s.traffic.spans, span{start: at})
			}
		}
		if got := kinds(leaks(s)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestBusyCPU(t *testing.T) {
	for name, c := range map[string]struct {
		used  map[string][]float64
		limit []float64
		want  string
	}{
		"all":             {map[string][]float64{"a=b": series(run{40, 1}, run{20, 3.9})}, []float64{4}, "[cpu_saturated cpu]"},
		"in two modes":    {map[string][]float64{"a=b": series(run{40, 0.5}, run{20, 2}), "a=c": series(run{40, 0.5}, run{20, 1.9})}, []float64{4}, "[cpu_saturated cpu]"},
		"not all":         {map[string][]float64{"a=b": series(run{40, 1}, run{20, 3.2})}, []float64{4}, "[]"},
		"as ever":         {map[string][]float64{"a=b": series(run{60, 3.9})}, []float64{4}, "[]"},
		"of nobody knows": {map[string][]float64{"a=b": series(run{40, 1}, run{20, 3.9})}, []float64{0}, "[]"},
	} {
		s := history(nil, instrument(cpuTime, "counter", c.used), instrument(cpus, "gauge", map[string][]float64{"a=b": c.limit}))
		if got := kinds(busyCPU(s)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestFillingQueues(t *testing.T) {
	grown := climb(60, 0, 100)
	for name, c := range map[string]struct {
		instrument store.Instrument
		want       string
	}{
		"queue":             {instrument("queue.depth", "gauge", map[string][]float64{"name=mail": grown}), "[queue_backlog mail]"},
		"without a name":    {instrument("mail_backlog", "updowncounter", map[string][]float64{"": grown}), "[queue_backlog mail_backlog]"},
		"a few":             {instrument("queue.depth", "gauge", map[string][]float64{"name=mail": climb(60, 0, 20)}), "[]"},
		"what it has taken": {instrument("queue.depth", "counter", map[string][]float64{"name=mail": grown}), "[]"},
		"no queue":          {instrument("cache.size", "gauge", map[string][]float64{"name=mail": grown}), "[]"},
		"one of ours":       {instrument("otelmon.telemetry.pending", "gauge", map[string][]float64{"name=mail": grown}), "[]"},
	} {
		if got := kinds(fillingQueues(history(nil, c.instrument))); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestStalledOperations(t *testing.T) {
	idle := keys.BulkOperationName + "=import"
	ended := time.Now()
	for name, c := range map[string]struct {
		idle  []float64
		name  string
		ended *time.Time
		want  string
	}{
		"stands still":       {append(series(run{30, 2}), 5, 10, 15, 20), "import", nil, "[bulk_stalled import]"},
		"for a moment":       {append(series(run{30, 2}), 4, 9, 14), "import", nil, "[]"},
		"as it has before":   {append(append(series(run{30, 2}), 5, 10), append(series(run{30, 2}), 5, 10, 15, 20)...), "import", nil, "[]"},
		"longer than it has": {append(append(series(run{30, 2}), 5, 10), append(series(run{30, 2}), 5, 10, 15, 20, 25, 30, 35)...), "import", nil, "[bulk_stalled import]"},
		"from the start":     {[]float64{5, 10, 15, 20}, "import", nil, "[bulk_stalled import]"},
		"it has ended":       {append(series(run{30, 2}), 5, 10, 15, 20), "import", &ended, "[]"},
		"it is another's":    {append(series(run{30, 2}), 5, 10, 15, 20), "export", nil, "[]"},
	} {
		s := history(nil, instrument(keys.BulkOperationIdleTime, "gauge", map[string][]float64{idle: c.idle}))
		s.operations = []store.Operation{{ID: "1", Name: c.name, Ended: c.ended}}
		if got := kinds(stalledOperations(s)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestOperationsThatFail(t *testing.T) {
	ago := func(d time.Duration) *time.Time {
		at := time.Now().Add(-d)
		return &at
	}
	const errors, fails = "[bulk_errors import]", "[operation_failed import]"
	for name, c := range map[string]struct {
		op     store.Operation
		shares []float64 // of items that failed, of a hundred in each interval
		newer  string    // another operation, begun since
		want   string
	}{
		"three in ten, from the start": {store.Operation{OK: 70, Failed: 30}, nil, "", errors},
		"fewer":                        {store.Operation{OK: 75, Failed: 25}, nil, "", "[]"},
		"not yet ten":                  {store.Operation{OK: 9, Failed: 9}, nil, "", "[]"},
		"more than before":             {store.Operation{OK: 500, Failed: 30}, series(run{40, 0.01}, run{10, 0.1}), "", errors},
		"hardly more than before":      {store.Operation{OK: 500, Failed: 30}, series(run{40, 0.01}, run{10, 0.05}), "", "[]"},
		"it has ended so":              {store.Operation{OK: 70, Failed: 30, Ended: ago(time.Minute)}, nil, "", errors},
		"long ago":                     {store.Operation{OK: 70, Failed: 30, Ended: ago(time.Hour)}, nil, "", "[]"},
		"another is begun since":       {store.Operation{OK: 70, Failed: 30, Ended: ago(time.Minute)}, nil, "export", errors},
		"within what is usual":         {store.Operation{OK: 500, Failed: 100}, append(spread(42, 0.01, 0.1, 0.19), series(run{10, 0.25})...), "", "[]"},
		"begun again since":            {store.Operation{OK: 70, Failed: 30, Ended: ago(time.Minute)}, nil, "import", "[]"},
		"it failed":                    {store.Operation{State: store.StateFailed, OK: 70, Failed: 30, Ended: ago(time.Minute)}, nil, "", fails},
		"it failed long ago":           {store.Operation{State: store.StateFailed, OK: 70, Failed: 30, Ended: ago(time.Hour)}, nil, "", "[]"},
	} {
		c.op.ID, c.op.Name, c.op.Started = "1", "import", time.Now().Add(-2*time.Hour)
		var ok, failed []store.Number
		for _, share := range c.shares {
			ok, failed = append(ok, store.Number(100-100*share)), append(failed, store.Number(100*share))
		}
		of := func(outcome string) store.Attributes {
			return store.Attributes{{Key: keys.BulkOperationName, Value: "import"}, {Key: keys.BulkItemOutcome, Value: outcome}}
		}
		s := history(nil, store.Instrument{Name: keys.BulkItems, Series: []store.Series{{Attributes: of("ok"), History: ok}, {Attributes: of("failed"), History: failed}}})
		s.operations = []store.Operation{c.op}
		if c.newer != "" {
			s.operations = append([]store.Operation{{ID: "2", Name: c.newer, Started: time.Now()}}, s.operations...)
		}
		if got := kinds(append(failingItems(s), failedOperations(s)...)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestChecks(t *testing.T) {
	for name, c := range map[string]struct {
		check    store.Check
		kind     string
		severity string
	}{
		"healthy":              {store.Check{State: "healthy"}, "", ""},
		"unknown":              {store.Check{State: "unknown"}, "", ""},
		"degraded":             {store.Check{State: "degraded", Critical: true, Message: "slow"}, KindCheckFailing, Warning},
		"unhealthy":            {store.Check{State: "unhealthy", Message: "bad"}, KindCheckFailing, Warning},
		"critical":             {store.Check{State: "unhealthy", Critical: true, Message: "bad"}, KindCheckFailing, Critical},
		"out of reach":         {store.Check{State: "unhealthy", Message: "dial tcp: connection refused"}, KindDependencyDown, Warning},
		"slow to be reached":   {store.Check{State: "degraded", Message: "1 of 3: connection refused"}, KindCheckFailing, Warning},
		"it takes too long":    {store.Check{State: "unhealthy", Reason: "timeout"}, KindDependencyDown, Warning},
		"it never returns":     {store.Check{State: "unhealthy", Reason: "hung"}, KindDependencyDown, Warning},
		"no space":             {store.Check{State: "degraded", Message: "no space left on device"}, KindDiskFull, Warning},
		"it flaps":             {store.Check{State: "unhealthy", Flapping: true}, KindFlapping, Info},
		"it flaps, being good": {store.Check{State: "healthy", Flapping: true}, KindFlapping, Info},
		"a critical one flaps": {store.Check{State: "unhealthy", Flapping: true, Critical: true}, KindFlapping, Warning},
	} {
		s := history(nil)
		s.health.Checks = []store.Check{c.check}
		kind, severity := "", ""
		for _, f := range append(failingChecks(s), flappingChecks(s)...) {
			kind, severity = kind+f.Kind, severity+f.Severity
		}
		if kind != c.kind || severity != c.severity {
			t.Errorf("%s: %s %s, want %s %s", name, kind, severity, c.kind, c.severity)
		}
	}
}

func TestSharesOfItems(t *testing.T) {
	of := func(operation, outcome string, v ...store.Number) store.HistorySeries {
		return store.HistorySeries{Attributes: store.Attributes{{Key: keys.BulkOperationName, Value: operation}, {Key: keys.BulkItemOutcome, Value: outcome}}, Values: v}
	}
	got := sharesOf("import", []store.HistorySeries{
		of("import", "ok", 5, 9, 0, 5), of("import", "failed", 1, 0, 5), of("import", "skipped", 7, 7, 7, 7), of("export", "ok", 1, 1, 1, 1), of("export", "failed", 1, 1, 1, 1),
	})
	if want := []float64{0.1, 0.5}; !slices.Equal(got, want) { // nothing was done in the interval between
		t.Errorf("%v, want %v", got, want)
	}
}

// Of twenty items one fails more often, by chance or a little.
func TestAFewItemsAreNoShare(t *testing.T) {
	few, many := []float64{0, 0, 0.05}, []float64{0.05, 0.1, 0}
	for name, c := range map[string]struct {
		before, after []float64
		found         bool
	}{
		"hardly more than before": {few, []float64{0.05, 0.05, 0.05}, false},
		"more than before":        {few, []float64{0.05, 0.1, 0.1}, true},
		"as ever":                 {many, many, false},
	} {
		if got := moreFail(append(slices.Repeat(c.before, 30), slices.Repeat(c.after, 20)...)); got.found != c.found {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// A rise that is older than what is kept finely is found in hours.
func TestItemsThatFailForLong(t *testing.T) {
	of := func(outcome string) store.Attributes {
		return store.Attributes{{Key: keys.BulkOperationName, Value: "import"}, {Key: keys.BulkItemOutcome, Value: outcome}}
	}
	recent := []store.Series{{Attributes: of("failed"), History: numbersOf(series(run{60, 2}))}, {Attributes: of("ok"), History: numbersOf(series(run{60, 8}))}}
	s := history(nil, store.Instrument{Name: keys.BulkItems, Series: recent})
	s.hours = store.History{Interval: 60, Series: []store.HistorySeries{
		{Attributes: of("ok"), Values: numbersOf(series(run{60, 10}, run{30, 8}))}, {Attributes: of("failed"), Values: numbersOf(series(run{60, 0}, run{30, 2}))},
	}}
	s.operations = []store.Operation{{Name: "import", Started: s.now.Add(-6 * time.Hour), OK: 900, Failed: 60, Failures: []store.Failure{{Message: "duplicate key"}}}}
	found := failingItems(s)
	if kinds(found) != "[bulk_errors import]" || !found[0].FirstSeen.Equal(s.now.Add(-30*time.Minute)) || found[0].Cause != "items of operation import fail: duplicate key" {
		t.Fatalf("%+v", found)
	}
	e := found[0].Evidence
	if e[len(e)-1].Ref != keys.BulkItems+"{"+keys.BulkOperationName+"=import, "+keys.BulkItemOutcome+"=failed}" {
		t.Errorf("%+v", e)
	}
}

// What is usual is not learnt from the figures of a start.
func TestFiguresOfAStart(t *testing.T) {
	s := history(map[string][]float64{"goroutines": series(run{12, 900}, run{8, 10})})
	s.settled = s.now.Add(-40 * time.Second)
	if got := s.figure("goroutines"); !slices.Equal(got, series(run{8, 10})) {
		t.Errorf("%v", got)
	}
	s.settled = s.now.Add(-time.Hour)
	if got := s.figure("goroutines"); len(got) != 20 {
		t.Errorf("%v", got)
	}
}

func TestTelemetryThatDoesNotArrive(t *testing.T) {
	account := func(destination, signal, verdict string) store.DeliveryAccount {
		return store.DeliveryAccount{Destination: destination, Signal: signal, Verdict: verdict, Reason: signal + " " + verdict}
	}
	for name, c := range map[string]struct {
		accounts []store.DeliveryAccount
		want     string
		evidence int
	}{
		"it waits":                  {[]store.DeliveryAccount{account("a", "logs", store.DeliveryFailing)}, "[telemetry_stuck a]", 1},
		"some is lost":              {[]store.DeliveryAccount{account("a", "logs", store.DeliveryFailing), account("a", "traces", store.DeliveryLosing)}, "[telemetry_lost a]", 2},
		"lost, and some waits":      {[]store.DeliveryAccount{account("a", "logs", store.DeliveryLosing), account("a", "traces", store.DeliveryFailing)}, "[telemetry_lost a]", 2},
		"of two destinations":       {[]store.DeliveryAccount{account("a", "logs", store.DeliveryFailing), account("b", "logs", store.DeliveryLosing)}, "[telemetry_lost b telemetry_stuck a]", 2},
		"it arrives, or soon does":  {[]store.DeliveryAccount{account("a", "logs", store.DeliveryBehind)}, "[]", 0},
		"of a name that is endless": {[]store.DeliveryAccount{account(strings.Repeat("a", 60), "logs", store.DeliveryFailing)}, "[telemetry_stuck " + strings.Repeat("a", 60) + "]", 1},
	} {
		s := history(nil)
		s.delivery.Accounts = c.accounts
		found, evidence := stuckTelemetry(s), 0
		for _, f := range found {
			evidence += len(f.Evidence)
			if lost := strings.Contains(f.Cause, "is lost"); lost != (f.Kind == KindTelemetryLost) {
				t.Errorf("%s: %s", name, f.Cause)
			}
			for _, e := range f.Evidence {
				if strings.Contains(e.Ref, "{") && !strings.HasSuffix(e.Ref, "}") {
					t.Errorf("%s: %s is cut", name, e.Ref)
				}
			}
		}
		if got := kinds(found); got != c.want || evidence != c.evidence {
			t.Errorf("%s: %s with %d pieces of evidence, want %s", name, got, evidence, c.want)
		}
	}
}

func TestChangesOfAFlappingCheck(t *testing.T) {
	s := history(nil)
	s.health.Checks = []store.Check{{Name: "ldap", Flapping: true}}
	for _, c := range []struct {
		name string
		ago  time.Duration
	}{{"ldap", time.Minute}, {"ldap", 2 * time.Minute}, {"ldap", time.Hour}, {"smtp", time.Minute}} {
		s.health.Changes = append(s.health.Changes, store.Change{Name: c.name, Time: s.now.Add(-c.ago)})
	}
	if f := flappingChecks(s)[0]; f.seen != 2 || f.Evidence[0].Value != 2 {
		t.Errorf("%+v", f)
	}
}

func TestPools(t *testing.T) {
	const wait, name, state = poolWaiting, "db.client.connection.pool.name", "db.client.connection.state"
	of := func(pool, is string, value float64) store.Series {
		attributes := store.Attributes{{Key: name, Value: pool}}
		if is != "" {
			attributes = append(attributes, store.Attribute{Key: state, Value: is})
		}
		return store.Series{Attributes: attributes, Value: store.Number(value), History: numbersOf(series(run{60, value}))}
	}
	waiting := of("shop", "", 3)
	waiting.History = numbersOf(series(run{40, 0}, run{20, 3}))
	for want, used := range map[string]float64{"0.90 callers wait for a connection of the pool shop: 10 of 10 are in use": 10, "0.75 callers wait for a connection of the pool shop: 5 of 10 are in use": 5} {
		s := history(nil,
			store.Instrument{Name: wait, Series: []store.Series{of("crm", "", 0), waiting}},
			store.Instrument{Name: poolCount, Series: []store.Series{of("shop", "used", used), of("shop", "idle", 10-used), of("crm", "used", 1)}},
			store.Instrument{Name: poolMax, Series: []store.Series{of("shop", "", 10), of("crm", "", 99)}})
		found := exhaustedPools(s)
		if len(found) != 1 {
			t.Fatalf("%s", kinds(found))
		}
		if f := found[0]; fmt.Sprintf("%.2f %s", float64(f.Confidence), f.Summary) != want || f.Component != "shop" || len(f.Evidence) != 3 {
			t.Errorf("%+v", f)
		}
	}
	s := history(nil, store.Instrument{Name: wait, Series: []store.Series{{Attributes: store.Attributes{{Key: "db.system", Value: "mysql"}}, History: waiting.History}}})
	if f := exhaustedPools(s)[0]; f.Component != "mysql" || f.Summary != "callers wait for a connection of the pool mysql" {
		t.Errorf("%+v", f)
	}
	s.instruments[0].Series[0].Attributes = nil
	if f := exhaustedPools(s)[0]; f.Component != "db" {
		t.Errorf("%+v", f)
	}
}

// Waiting for locks, or to run, makes a finding surer.
func TestFiguresThatAgree(t *testing.T) {
	rises := series(run{40, 0.001}, run{20, 1})
	used := instrument(cpuTime, "counter", map[string][]float64{"a=b": series(run{40, 1}, run{20, 3.9})})
	limit := instrument(cpus, "gauge", map[string][]float64{"a=b": {4}})
	for want, v := range map[store.Number][]float64{0.9: rises, 0.8: series(run{60, 0.001})} {
		if f := busyCPU(history(map[string][]float64{"sched.latency": v}, used, limit))[0]; f.Confidence != want {
			t.Errorf("%v, want %v", f.Confidence, want)
		}
	}
}
