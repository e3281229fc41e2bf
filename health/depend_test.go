package health

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

func TestDependencyFaults(t *testing.T) {
	r := New(Options{})
	must(t, r.Register(Check{Name: "a", Func: pass, DependsOn: []string{"b", "b"}}))
	must(t, r.Register(Check{Name: "b", Func: pass, DependsOn: []string{"c"}}))
	for name, tc := range map[string]struct {
		dependsOn []string
		want      string
	}{
		"c":    {[]string{"d", "a"}, "DependsOn forms a cycle: c -> a -> b -> c"},
		"self": {[]string{"self"}, "DependsOn forms a cycle: self -> self"},
	} {
		if err := r.Register(Check{Name: name, Func: pass, DependsOn: tc.dependsOn}); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want %s", name, err, tc.want)
		}
	}
	must(t, r.Shutdown(t.Context()))

	r = New(Options{})
	must(t, r.Register(Check{Name: "a", Func: pass, DependsOn: []string{"b", "c"}}))
	err := r.Start(t.Context())
	if err == nil || strings.Count(err.Error(), "which is not registered") != 2 {
		t.Errorf("Start returned %v, want both missing names", err)
	}
	must(t, r.Register(Check{Name: "b", Func: pass}))
	must(t, r.Register(Check{Name: "c", Func: pass}))
	must(t, r.Start(t.Context())) // nothing was refused for good
	if err := r.Register(Check{Name: "d", Func: pass, DependsOn: []string{"e"}}); err == nil {
		t.Error("a missing dependency after Start")
	}
	must(t, r.Shutdown(t.Context()))
}

func TestRootCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		when := func(broken *atomic.Bool) func(context.Context) error {
			return func(context.Context) error {
				if broken.Load() {
					return errDown
				}
				return nil
			}
		}
		r := begin(t, Options{},
			Check{Name: "postgres", Critical: true, Func: when(&down)},
			Check{Name: "orders", Critical: true, DependsOn: []string{"postgres", "queue"}, Func: when(&down)},
			Check{Name: "page", DependsOn: []string{"orders"}, Func: when(&down)},
			Check{Name: "queue", Func: script("d")},
			Check{Name: "other", Func: fail})
		advance(time.Second)
		down.Store(true)
		advance(30 * time.Second)
		for name, want := range map[string]string{"postgres": "", "orders": "postgres", "page": "postgres", "queue": "", "other": ""} {
			if got := resultOf(t, r, name).SuppressedBy; got != want {
				t.Errorf("%s is explained by %q, want %q", name, got, want)
			}
		}
		text := get(t, r.Handler(), "/readyz", "").Body.String()
		if !strings.Contains(text, "[-]page unhealthy: error (because of postgres)\n") {
			t.Errorf("the probe does not tell the cause:\n%s", text)
		}
		down.Store(false)
		advance(30 * time.Second)
		if got := expect(t, r, "page", StateHealthy, "").SuppressedBy; got != "" {
			t.Errorf("a healthy check is explained by %q", got)
		}
		if !r.Unregister("postgres") {
			t.Fatal("gone already")
		}
		down.Store(true)
		advance(30 * time.Second)
		if got := resultOf(t, r, "page").SuppressedBy; got != "orders" {
			t.Errorf("without postgres page is explained by %q, want orders", got)
		}
	})
}

// Of several causes the first to fail is told, and at the same moment the first
// by name.
func TestTheFirstCauseIsTold(t *testing.T) {
	at := func(seconds int64, name string, dependsOn ...string) *Result {
		return &Result{Name: name, State: StateUnhealthy, Since: time.Unix(seconds, 0), DependsOn: dependsOn}
	}
	got := roots([]*Result{at(3, "a"), at(2, "b"), at(2, "c"), at(4, "d", "a", "b", "c"), at(1, "e", "a")})
	if want := "map[d:b e:a]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
}

// Whatever the states and the graph: a cause fails, is itself explained by
// nothing, and is reached by failing dependencies alone.
func TestRootsOfRandomGraphs(t *testing.T) {
	source := rand.New(rand.NewPCG(5, 6))
	epoch := time.Unix(1e9, 0)
	for range 2000 {
		results := make([]*Result, source.IntN(12))
		for i := range results {
			r := &Result{Name: fmt.Sprintf("c%02d", i), State: State(source.IntN(4)), Reason: ReasonStale, Since: epoch.Add(time.Duration(source.IntN(5)) * time.Second)}
			for j := range i {
				if source.IntN(3) == 0 {
					r.DependsOn = append(r.DependsOn, fmt.Sprintf("c%02d", j))
				}
			}
			results[i] = r
		}
		explained := roots(results)
		for i, r := range results {
			root, ok := explained[r.Name]
			direct := false
			for j := range i {
				direct = direct || slices.Contains(r.DependsOn, results[j].Name) && explains(results[j], r)
			}
			if ok != (direct && r.failing()) {
				t.Fatalf("%s explained: %t, want %t", r.Name, ok, !ok)
			}
			if ok && explained[root] != "" {
				t.Fatalf("%s is explained by %s, which is explained by %s", r.Name, root, explained[root])
			}
		}
	}
}

// Events and spans name what a check depends on, so that a reader of telemetry
// finds the cause as well.
func TestDependenciesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, got := recording(t)
		var many []string
		checks := []Check{{Name: "single", Func: fail}}
		for i := range maxTold + 1 {
			many = append(many, fmt.Sprintf("c%02d", i))
			checks = append(checks, Check{Name: many[i], Func: pass})
		}
		checks = append(checks, Check{Name: "orders", Func: fail, DependsOn: []string{"single"}}, Check{Name: "wide", Func: fail, DependsOn: many})
		r := begin(t, o, checks...)
		advance(30 * time.Second)
		must(t, r.Shutdown(t.Context()))
		want := map[string]string{"single": "", "orders": `["single"]`, "wide": fmt.Sprintf(`["%s"]`, strings.Join(many[:maxTold], `","`))}
		seen := map[string]int{}
		for _, e := range got.events.all() {
			a := attributesOf(e)
			if w, ok := want[a["health.check.name"]]; ok && a["health.check.dependencies"] != w {
				t.Errorf("the event of %s names %q, want %q", a["health.check.name"], a["health.check.dependencies"], w)
			}
			seen[a["health.check.name"]]++
		}
		for _, s := range got.spans.Ended() {
			a := attribute.NewSet(s.Attributes()...)
			name, _ := a.Value("health.check.name")
			told, _ := a.Value("health.check.dependencies")
			if w, ok := want[name.AsString()]; ok && told.String() != w {
				t.Errorf("the span of %s names %q, want %q", name.AsString(), told.String(), w)
			}
			seen[name.AsString()]++
		}
		for name := range want {
			if seen[name] < 2 {
				t.Errorf("%d events and spans of %s", seen[name], name)
			}
		}
	})
}

// The cause is looked for as soon as its consequence shows, and whoever suffered
// looks again soon after it is gone, at a time of its own.
func TestNeighboursLookSooner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		var early time.Time
		start := time.Now()
		check := func(context.Context) error {
			if down.Load() {
				return errDown
			}
			return nil
		}
		r := New(Options{})
		source := rand.New(rand.NewPCG(7, 8))
		r.random = source.Float64 // only called under the registry's lock
		must(t, r.Register(Check{Name: "root", Interval: 10 * time.Minute, Func: check}))
		must(t, r.Register(Check{Name: "watcher", Interval: 5 * time.Second, DependsOn: []string{"root"}, Func: check}))
		const many = 200
		var mu sync.Mutex
		recovered := map[time.Duration]int{}
		for i := range many {
			must(t, r.Register(Check{Name: fmt.Sprint("n", i), Interval: 10 * time.Minute, DependsOn: []string{"root"}, Func: func(ctx context.Context) error {
				if err := check(ctx); err != nil {
					return err
				}
				mu.Lock()
				defer mu.Unlock()
				if !early.IsZero() {
					recovered[time.Since(early).Truncate(30*time.Second)]++
				}
				return nil
			}}))
		}
		must(t, r.Start(t.Context()))
		advance(20 * time.Minute)
		down.Store(true)
		broke := time.Now()
		advance(10 * time.Second)
		if result := expect(t, r, "root", StateUnhealthy, ReasonError); result.Since.Sub(broke) > 10*time.Second {
			t.Errorf("noticed after %v", result.Since.Sub(broke))
		}
		advance(20 * time.Minute)
		down.Store(false)
		for r.Report().Results[many].State != StateHealthy { // root
			advance(time.Second)
		}
		mu.Lock()
		early = time.Now()
		mu.Unlock()
		advance(2 * time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if n := len(recovered); n != 4 {
			t.Errorf("the first two minutes after the recovery (%v into the test) look like %v, want executions in each quarter of them", early.Sub(start), recovered)
		}
		for at, n := range recovered {
			if n > many/2 {
				t.Errorf("%d of %d came back together %v after the recovery", n, many, at)
			}
		}
		for _, result := range r.Report().Results {
			if result.State != StateHealthy {
				t.Errorf("%s is %s two minutes after its dependency is back", result.Name, result.State)
			}
		}
		must(t, r.Shutdown(t.Context()))
	})
}

// Replicas that noticed an outage at the same moment must not ask together when
// their database comes back.
func TestRecoveryIsSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const interval, replicas = 20 * time.Second, 100
		var mu sync.Mutex // guards what follows
		down, inStep := false, true
		var quarters [4]int
		var back time.Time
		source := rand.New(rand.NewPCG(9, 10))
		for range replicas {
			r := New(Options{})
			r.random = func() float64 {
				mu.Lock()
				defer mu.Unlock()
				if inStep {
					return 0.5
				}
				return source.Float64()
			}
			seen := false
			must(t, r.Register(Check{Name: "c", Interval: interval, Func: func(context.Context) error {
				mu.Lock()
				defer mu.Unlock()
				if down {
					return errDown
				}
				if !seen && !back.IsZero() {
					seen = true
					quarters[min(3, time.Since(back)*4/interval)]++
				}
				return nil
			}}))
			must(t, r.Start(t.Context()))
			defer func() { must(t, r.Shutdown(t.Context())) }()
		}
		locked := func(f func()) { mu.Lock(); defer mu.Unlock(); f() }
		advance(5 * time.Minute)
		locked(func() { down, inStep = true, false })
		advance(interval * 5 / 4) // all notice, within a tenth of the interval
		locked(func() { down, back = false, time.Now() })
		advance(2 * interval)
		locked(func() {
			for i, n := range quarters {
				if n < replicas/10 {
					t.Errorf("%d of %d replicas came back in quarter %d of the interval: %v", n, replicas, i+1, quarters)
				}
			}
		})
	})
}
