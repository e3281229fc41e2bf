package diagnosis

import (
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/console/store"
)

func TestExplains(t *testing.T) {
	first := time.Now().Add(-10 * time.Minute)
	is := func(kind string, change ...func(*finding)) *finding {
		f := find(kind, "x", first, 0.9, "", "")
		for _, c := range change {
			c(f)
		}
		return f
	}
	said := func(text string) func(*finding) { return func(f *finding) { f.said = text } }
	at := func(after time.Duration) func(*finding) {
		return func(f *finding) { f.FirstSeen = first.Add(after) }
	}
	check := func(c store.Check) func(*finding) { return func(f *finding) { f.check = &c } }
	named := func(name string) func(*finding) { return func(f *finding) { f.Component = name } }
	seen := func(n int) func(*finding) { return func(f *finding) { f.seen = n } }
	op := func(id, traced string) func(*finding) {
		return func(f *finding) { f.op = &store.Operation{ID: id, TraceID: traced} }
	}
	d := draw()
	of := func(g *group) func(*finding) { return func(f *finding) { f.group = g } }

	db := d.group("pg.internal", trace.SpanKindClient, &peer{system: "postgresql", address: "pg.internal", namespace: "shop"})
	db.saying = "connection refused"
	search := d.group("search.svc", trace.SpanKindClient, &peer{address: "search.svc"})
	search.saying = "overloaded"
	orders, cart := d.group("GET /orders", trace.SpanKindServer, nil), d.group("GET /cart", trace.SpanKindServer, nil)
	cart.saying = "no cart"
	orders.bad, orders.causes[db], orders.causes[search] = 10, 6, 4
	mails := d.group("mails", trace.SpanKindConsumer, nil)
	mails.bad, mails.causes[search] = 10, 10
	d.add(db, d.add(orders, -1, 0, 1), 0, 1)
	bad := d.add(search, d.add(cart, -1, 1, 1), 1, 1, func(p *span) { p.bad = true })
	good := d.add(search, -1, 2, 1)
	hangs := d.group("inventory.svc", trace.SpanKindClient, &peer{address: "inventory.svc"})
	for i := range 4 {
		d.add(hangs, -1, float64(i), 60, func(p *span) { p.bad, p.open = true, true })
	}
	hangs.bad = 4
	ever := d.group("billing.svc", trace.SpanKindClient, &peer{address: "billing.svc", system: "mysql", namespace: "bills"})
	ever.lasts = true
	cart.bad, cart.causes[ever] = 10, 10
	victim := d.group("GET /bill", trace.SpanKindServer, nil)
	victim.lasts, victim.bad, victim.causes[ever] = true, 10, 10
	shop := d.group("shop.svc", trace.SpanKindClient, &peer{address: "shop.svc"}) // which has no pool
	d.add(shop, d.add(cart, -1, 3, 1), 3, 1)
	inTrace := func(span int) string { return d.spans[span].trace.String() }

	const full = "write: no space left on device"
	for name, c := range map[string]struct {
		a, b *finding
		want bool
	}{
		"a full disk, what says so":                     {is(KindDiskFull), is(KindErrorRate, said(full)), true},
		"a full disk, what fails otherwise":             {is(KindDiskFull), is(KindErrorRate, said("bad")), false},
		"a full disk, a check of another":               {is(KindDiskFull), is(KindDiskFull, said(full), check(store.Check{Name: "data"})), false},
		"a full disk, a failing check that says so":     {is(KindDiskFull), is(KindCheckFailing, said(full), check(store.Check{Name: "data"})), true},
		"a lock, its own request":                       {is(KindLockContention, of(orders)), is(KindLatency, of(orders)), true},
		"spans that do not end, their own":              {is(KindSpansUnfinished, of(orders)), is(KindLatency, of(orders)), true},
		"a queue by the name of a pool":                 {is(KindQueueBacklog, named("shop")), is(KindLatency, of(orders)), false},
		"a pool, what has no spans":                     {is(KindPoolExhausted, named("shop")), is(KindErrorRate), false},
		"what fails, another that says so":              {is(KindErrorRate), is(KindErrorRate, said(full)), false},
		"a dependency, most of whose callers":           {is(KindDependencySlow, of(db), at(time.Hour)), is(KindLatency, of(orders)), true},
		"a dependency, callers long after":              {is(KindDependencySlow, of(db)), is(KindLatency, of(orders), at(time.Hour)), true},
		"a dependency, a few of whose callers":          {is(KindDependencySlow, of(search)), is(KindLatency, of(orders)), false},
		"a loop, its own request":                       {is(KindNPlusOne, of(orders), at(time.Hour)), is(KindLatency, of(orders)), true},
		"a request, its own loop":                       {is(KindLatency, of(orders)), is(KindNPlusOne, of(orders)), false},
		"a loop, its own panics":                        {is(KindNPlusOne, of(orders)), is(KindPanics, of(orders)), false},
		"processors, what is slow":                      {is(KindCPUSaturated), is(KindLatency), true},
		"processors, a little later":                    {is(KindCPUSaturated, at(30*time.Second)), is(KindLatency), true},
		"processors, much later":                        {is(KindCPUSaturated, at(2*time.Minute)), is(KindLatency), false},
		"processors, what fails":                        {is(KindCPUSaturated), is(KindErrorRate), false},
		"processors, a lock":                            {is(KindCPUSaturated), is(KindLockContention), true},
		"processors, a slow dependency":                 {is(KindCPUSaturated), is(KindDependencySlow), true},
		"processors, one that is down":                  {is(KindCPUSaturated), is(KindDependencyDown), false},
		"processors, a queue":                           {is(KindCPUSaturated), is(KindQueueBacklog), true},
		"processors, a pool":                            {is(KindCPUSaturated), is(KindPoolExhausted), true},
		"a loop, a pool":                                {is(KindNPlusOne), is(KindPoolExhausted), true},
		"a database, its pool":                          {is(KindDependencySlow, of(db)), is(KindPoolExhausted, named("shop")), true},
		"another dependency, the pool":                  {is(KindDependencySlow, of(search)), is(KindPoolExhausted, named("shop")), false},
		"a request, the pool":                           {is(KindLatency, of(orders)), is(KindPoolExhausted, named("shop")), false},
		"a pool, a request that uses it":                {is(KindPoolExhausted, named("shop")), is(KindLatency, of(orders)), true},
		"a pool, a request that fails":                  {is(KindPoolExhausted, named("shop")), is(KindErrorRate, of(orders)), true},
		"a pool, one that does not":                     {is(KindPoolExhausted, named("shop")), is(KindLatency, of(cart)), false},
		"a pool, calls":                                 {is(KindPoolExhausted, named("shop")), is(KindErrorRate, of(search)), false},
		"another pool":                                  {is(KindPoolExhausted, named("crm")), is(KindLatency, of(orders)), false},
		"goroutines, memory":                            {is(KindGoroutineLeak), is(KindMemoryGrowth), true},
		"memory, goroutines":                            {is(KindMemoryGrowth), is(KindGoroutineLeak), false},
		"what hangs, memory":                            {is(KindDependencyDown, of(hangs)), is(KindMemoryGrowth), true},
		"what is down, memory":                          {is(KindDependencyDown, of(db)), is(KindMemoryGrowth), false},
		"what hangs, its goroutines":                    {is(KindDependencyDown, of(hangs), seen(100)), is(KindGoroutineLeak, seen(200)), true},
		"what hangs, far more goroutines":               {is(KindDependencyDown, of(hangs), seen(100)), is(KindGoroutineLeak, seen(400)), false},
		"what is down, goroutines":                      {is(KindDependencyDown, of(db), seen(100)), is(KindGoroutineLeak, seen(100)), false},
		"goroutines, spans that do not end":             {is(KindGoroutineLeak, seen(100)), is(KindSpansUnfinished, seen(150)), true},
		"goroutines, far more spans":                    {is(KindGoroutineLeak, seen(100)), is(KindSpansUnfinished, seen(300)), false},
		"memory, spans that do not end":                 {is(KindMemoryGrowth, seen(100)), is(KindSpansUnfinished, seen(100)), false},
		"consumers, a queue":                            {is(KindErrorRate, of(mails)), is(KindQueueBacklog), true},
		"what consumers call, a queue":                  {is(KindDependencyDown, of(search)), is(KindQueueBacklog), true},
		"requests, a queue":                             {is(KindErrorRate, of(orders)), is(KindQueueBacklog), false},
		"a leak, a queue":                               {is(KindGoroutineLeak), is(KindQueueBacklog), false},
		"items that fail, their operation":              {is(KindBulkErrors, op("1", "")), is(KindOperationFailed, op("1", "")), true},
		"a standstill, its operation":                   {is(KindBulkStalled, op("1", "")), is(KindOperationFailed, op("1", "")), true},
		"a standstill, items that fail":                 {is(KindBulkStalled, op("1", "")), is(KindBulkErrors, op("1", "")), false},
		"an operation, its items":                       {is(KindOperationFailed, op("1", "")), is(KindBulkErrors, op("1", "")), false},
		"items that fail, another operation":            {is(KindBulkErrors, op("2", "")), is(KindOperationFailed, op("1", "")), false},
		"a check that items name":                       {is(KindCheckFailing, check(store.Check{Name: "ldap"})), is(KindBulkErrors, op("1", ""), said("ldap: no")), true},
		"a check that they do not":                      {is(KindCheckFailing, check(store.Check{Name: "smtp"})), is(KindBulkErrors, op("1", ""), said("ldap: no")), false},
		"a bad call of the operation":                   {is(KindDependencyDown, of(search)), is(KindBulkErrors, op("1", inTrace(bad)), said("no")), true},
		"a good one":                                    {is(KindDependencyDown, of(search)), is(KindBulkErrors, op("1", inTrace(good)), said("no")), false},
		"a dependency whose error items have":           {is(KindDependencyDown, of(db)), is(KindBulkErrors, op("1", ""), said("row 1: connection refused")), true},
		"a dependency that items name":                  {is(KindDependencyDown, of(db)), is(KindBulkErrors, op("1", ""), said("pg.internal: no")), true},
		"a request whose error items have":              {is(KindErrorRate, of(cart)), is(KindBulkErrors, op("1", ""), said("no cart")), false},
		"a check, what it suppresses":                   {is(KindCheckFailing, check(store.Check{Name: "db"})), is(KindCheckFailing, check(store.Check{Name: "x", SuppressedBy: "db", Muted: true})), true},
		"a check, what another suppresses":              {is(KindCheckFailing, check(store.Check{Name: "ldap"})), is(KindCheckFailing, check(store.Check{Name: "x", SuppressedBy: "db", Muted: true})), false},
		"a check, what is muted":                        {is(KindCheckFailing, check(store.Check{Name: "ldap"})), is(KindCheckFailing, check(store.Check{Name: "x", Muted: true})), true},
		"a check, what is not":                          {is(KindCheckFailing, check(store.Check{Name: "ldap"})), is(KindCheckFailing, check(store.Check{Name: "x"})), false},
		"a muted check, what is muted":                  {is(KindCheckFailing, check(store.Check{Name: "ldap", Muted: true})), is(KindCheckFailing, check(store.Check{Name: "x", Muted: true})), false},
		"a check that flaps, what is muted":             {is(KindFlapping, check(store.Check{Name: "ldap"})), is(KindCheckFailing, check(store.Check{Name: "x", Muted: true})), false},
		"no check, what is muted":                       {is(KindBulkErrors), is(KindCheckFailing, check(store.Check{Name: "x", Muted: true})), false},
		"memory, its check":                             {is(KindMemoryGrowth), is(KindCheckFailing, check(store.Check{Name: "heap"})), true},
		"goroutines, their check":                       {is(KindGoroutineLeak), is(KindCheckFailing, check(store.Check{Name: "goroutines"})), true},
		"processors, their check":                       {is(KindCPUSaturated), is(KindCheckFailing, check(store.Check{Name: "scheduler"})), true},
		"a pool, its check":                             {is(KindPoolExhausted), is(KindCheckFailing, check(store.Check{Name: "db pool"})), true},
		"a queue, its check":                            {is(KindQueueBacklog), is(KindCheckFailing, check(store.Check{Name: "mail backlog"})), true},
		"telemetry that waits, its check":               {is(KindTelemetryStuck), is(KindCheckFailing, check(store.Check{Name: "delivery"})), true},
		"telemetry that is lost, its check":             {is(KindTelemetryLost), is(KindCheckFailing, check(store.Check{Name: "otlp"})), true},
		"memory, another check":                         {is(KindMemoryGrowth), is(KindCheckFailing, check(store.Check{Name: "ldap"})), false},
		"a dependency that a check names":               {is(KindDependencyDown, of(db)), is(KindCheckFailing, check(store.Check{Name: "x"}), said("pg.internal: no")), true},
		"a dependency that it does not":                 {is(KindDependencyDown, of(db)), is(KindCheckFailing, check(store.Check{Name: "x"}), said("no")), false},
		"a request that a check names":                  {is(KindErrorRate, of(orders)), is(KindCheckFailing, check(store.Check{Name: "x"}), said("GET /orders fails")), false},
		"what ever failed, what does since":             {is(KindErrorRate, of(ever)), is(KindErrorRate, of(cart), at(2*time.Minute)), false},
		"what ever failed, what did as well":            {is(KindErrorRate, of(ever)), is(KindErrorRate, of(cart)), true},
		"what ever failed, its pool from then on":       {is(KindErrorRate, of(ever)), is(KindPoolExhausted, named("bills"), at(30*time.Second)), true},
		"what ever failed, its pool of late":            {is(KindErrorRate, of(ever)), is(KindPoolExhausted, named("bills"), at(2*time.Minute)), false},
		"what ever failed, what did too, seen later":    {is(KindErrorRate, of(ever)), is(KindErrorRate, of(victim), at(2*time.Minute)), true},
		"a pool, a dependency that has a check as well": {is(KindPoolExhausted), is(KindDependencySlow, of(db), check(store.Check{Name: "db pool"})), false},
	} {
		s := &snapshot{traffic: &d.traffic}
		if got := s.explains(c.a, c.b); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// names lists findings in their order, each with what it explains.
func names(found []*finding) string {
	var list []string
	for _, f := range found {
		list = append(list, strings.Join(append([]string{f.Component + " " + f.Severity}, f.Consequences...), " > "))
	}
	return strings.Join(list, ", ")
}

func TestCausesStandInOrder(t *testing.T) {
	first := time.Now().Add(-time.Minute)
	is := func(component, severity string, confidence float64, after time.Duration) *finding {
		f := find(KindQueueBacklog, component, first.Add(after), confidence, "", "")
		f.Severity = severity
		return f
	}
	cpu := func(severity string) *finding {
		f := find(KindCPUSaturated, "cpu", first, 0.1, "", "")
		f.Severity = severity
		return f
	}
	slow, slower := find(KindLatency, "GET /", first, 0.9, "", ""), find(KindLatency, "POST /", first, 0.9, "", "")
	slower.Severity = Critical
	full, fuller := find(KindDiskFull, "b", first, 0.9, "", ""), find(KindDiskFull, "a", first, 0.9, "", "")
	full.said, fuller.said = "no space left on device", "no space left on device"
	ever := is("ever", Warning, 1, 0)
	ever.group = &group{lasts: true}
	fullest := find(KindDiskFull, "c", first.Add(-time.Second), 0.9, "", "")
	fullest.said = full.said
	for name, c := range map[string]struct {
		found []*finding
		want  string
	}{
		"the severest":              {[]*finding{is("a", Info, 1, 0), is("b", Warning, 1, 0), is("c", Critical, 0.1, 0)}, "c critical, b warning, a info"},
		"the surest":                {[]*finding{is("a", Warning, 0.5, 0), is("b", Warning, 0.9, 0)}, "b warning, a warning"},
		"the first":                 {[]*finding{is("a", Warning, 0.5, time.Second), is("b", Warning, 0.5, 0)}, "b warning, a warning"},
		"by name":                   {[]*finding{is("b", Warning, 0.5, 0), is("a", Warning, 0.5, 0)}, "a warning, b warning"},
		"by their effects":          {[]*finding{find(KindGoroutineLeak, "goroutines", first, 1, "", ""), cpu(Warning), slow}, "cpu warning > slow GET /, goroutines warning"},
		"what is new":               {[]*finding{ever, is("a", Warning, 0.1, 0), is("b", Info, 1, 0)}, "a warning, ever warning, b info"},
		"as severe":                 {[]*finding{cpu(Warning), slower}, "cpu critical > slow POST /"},
		"severer than what follows": {[]*finding{cpu(Critical), slow}, "cpu critical > slow GET /"},
		"of each other":             {[]*finding{full, fuller}, "a warning > full disk of b"},
		"the first cause":           {[]*finding{full, fullest}, "c warning > full disk of b"},
		"at most eight": {[]*finding{
			find(KindCPUSaturated, "cpu", first, 1, "", ""), is("1", Warning, 1, 0), is("2", Warning, 1, 0), is("3", Warning, 1, 0), is("4", Warning, 1, 0),
			is("5", Warning, 1, 0), is("6", Warning, 1, 0), is("7", Warning, 1, 0), is("8", Warning, 1, 0), is("9", Warning, 1, 0),
		}, "cpu warning > " + strings.Join([]string{"growing queue 1", "growing queue 2", "growing queue 3", "growing queue 4", "growing queue 5", "growing queue 6", "growing queue 7", "growing queue 8"}, " > ")},
	} {
		for _, f := range c.found {
			f.Consequences = nil
		}
		s := &snapshot{traffic: &traffic{}}
		if got := names(s.causes(c.found)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// What calls and a check say about a dependency is one finding.
func TestCallsAndChecksAreOne(t *testing.T) {
	now := time.Now()
	calls := func(kind string) *finding {
		f := find(kind, "pg.internal", now, 0.5, "", "calls")
		f.group = &group{name: "pg.internal", peer: &peer{system: "postgresql", address: "pg.internal"}}
		f.show(ByTrace, "1", now, "", "", 0, 0)
		return f
	}
	check := func(kind, name, severity string, change func(*store.Check)) *finding {
		f := find(kind, name, now.Add(-time.Minute), 0.9, "", "check")
		f.Severity, f.said, f.check = severity, "connection refused", &store.Check{Name: name}
		change(f.check)
		f.show(ByCheck, name, now, "", "", 0, 0)
		return f
	}
	as := func(*store.Check) {}
	one := absorb([]*finding{check(KindDependencyDown, "db", Critical, as), calls(KindDependencySlow)})
	if len(one) != 1 {
		t.Fatalf("%d findings", len(one))
	}
	f := one[0]
	if f.Kind != KindDependencyDown || f.Cause != "check" || f.Component != "db" || f.Severity != Critical || f.Confidence != 0.9 ||
		!f.FirstSeen.Equal(now.Add(-time.Minute)) || f.Evidence[0].Type != ByCheck || len(f.Evidence) != 2 || !strings.Contains(f.said, "refused") {
		t.Errorf("%+v", f)
	}
	if f := absorb([]*finding{check(KindCheckFailing, "db", Warning, as), calls(KindDependencySlow)})[0]; f.Kind != KindDependencySlow || f.Cause != "calls" {
		t.Errorf("%+v", f)
	}
	later := check(KindCheckFailing, "db", Info, as)
	later.FirstSeen = now.Add(time.Minute)
	if f := absorb([]*finding{later, calls(KindDependencySlow)})[0]; f.Severity != Warning || !f.FirstSeen.Equal(now.UTC()) {
		t.Errorf("%+v", f)
	}
	for name, c := range map[string]*finding{
		"of another":    check(KindDependencyDown, "ldap", Warning, as),
		"that is muted": check(KindDependencyDown, "db", Warning, func(c *store.Check) { c.Muted = true }),
	} {
		if two := absorb([]*finding{c, calls(KindDependencySlow)}); len(two) != 2 {
			t.Errorf("a check %s: %s", name, names(two))
		}
	}
	if two := absorb([]*finding{check(KindDependencyDown, "db", Warning, as), check(KindDependencyDown, "postgresql", Warning, as), calls(KindDependencySlow)}); len(two) != 2 {
		t.Errorf("two checks: %s", names(two))
	}
}

func TestAFullDiskIsOne(t *testing.T) {
	now := time.Now()
	is := func(component, said string, after time.Duration) *finding {
		f := find(KindErrorRate, component, now.Add(after), 0.9, "", "")
		f.said = said
		return f
	}
	const full = "failed:\nno space left on device\nat last"
	inner, outer := is("inner", full, time.Second), is("outer", full, 0)
	inner.group, outer.group = &group{}, &group{bad: 1}
	outer.group.causes = map[*group]int{inner.group: 1}
	check := is("data", full, time.Hour)
	check.Kind, check.check, check.Cause = KindDiskFull, &store.Check{}, "as the check says"
	for name, c := range map[string]struct {
		found []*finding
		want  string // which is the disk
		cause string
	}{
		"the first":        {[]*finding{is("b", full, time.Second), is("a", full, 0), is("c", full, time.Minute)}, "a", "the disk that a writes to is full: no space left on device"},
		"one that says so": {[]*finding{is("b", "bad", 0), is("a", full, time.Second)}, "a", "the disk that a writes to is full: no space left on device"},
		"the deepest":      {[]*finding{outer, inner}, "inner", "the disk that inner writes to is full: no space left on device"},
		"a check":          {[]*finding{is("a", full, 0), check, is("b", full, 0)}, "data", "as the check says"},
		"none":             {[]*finding{is("a", "bad", 0)}, "", ""},
	} {
		got, cause := "", ""
		for _, f := range oneDisk(c.found) {
			if f.Kind == KindDiskFull {
				got, cause = got+f.Component, f.Cause
			}
		}
		if got != c.want || strings.TrimSpace(cause) != c.cause {
			t.Errorf("%s: %s %q", name, got, cause)
		}
	}
}
