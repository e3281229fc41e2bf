package alert

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelmon/otelmon-go/health"
)

const firingPostgres = "firing postgres HealthCheckUnhealthy critical"

func TestFiresAfterHoldAndResolvesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box, db := &postbox{}, &dial{}
		r := watched(t, health.Check{Name: "postgres", Func: db.check, Critical: true, Runbook: "https://runbooks.example/pg"})
		begin(t, r, Options{Receivers: []Receiver{To("box", box)}, Labels: map[string]string{"team": "a"}})
		advance(time.Minute)
		db.set(errDown)
		for r.Report().Results[0].State != health.StateUnhealthy {
			advance(time.Millisecond)
		}
		since := r.Report().Results[0].Since
		advance(DefaultHold - 2*time.Millisecond)
		box.expect(t, "")
		advance(2 * time.Millisecond)
		a := box.last(t)
		box.expect(t, firingPostgres)
		if !a.StartsAt.Equal(since) || !a.EndsAt.IsZero() {
			t.Errorf("starts %v and ends %v, want %v and never", a.StartsAt, a.EndsAt, since)
		}
		if a.Labels["team"] != "a" || a.Labels["job"] != "shop" || len(a.Labels) != 5 {
			t.Errorf("labels %v", a.Labels)
		}
		for name, want := range map[string]string{
			"summary": "critical check postgres of shop is unhealthy", "description": "down", "reason": "error",
			"runbook_url": "https://runbooks.example/pg",
		} {
			if a.Annotations[name] != want {
				t.Errorf("annotation %s is %q, want %q", name, a.Annotations[name], want)
			}
		}

		advance(time.Hour)
		box.expect(t, "") // it is known
		db.set(nil)
		for r.Report().Results[0].State != health.StateHealthy {
			advance(time.Millisecond)
		}
		advance(0)
		if a := box.last(t); !a.EndsAt.Equal(time.Now()) && time.Since(a.EndsAt) > 2*time.Millisecond {
			t.Errorf("ended %v ago", time.Since(a.EndsAt))
		}
		box.expect(t, "resolved postgres HealthCheckUnhealthy critical")
		advance(5 * time.Hour)
		box.expect(t, "")
	})
}

func TestShortFailuresAreNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box, db := &postbox{}, &dial{}
		r := watched(t, health.Check{Name: "postgres", Func: db.check})
		begin(t, r, Options{Receivers: []Receiver{To("box", box)}})
		for range 3 {
			db.set(errDown)
			advance(20 * time.Second)
			db.set(nil)
			advance(10 * time.Minute) // long enough not to flap
		}
		box.expect(t, "")
	})
}

func TestReminder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box, db := &postbox{}, &dial{err: errDown}
		r := watched(t, health.Check{Name: "postgres", Func: db.check, Critical: true})
		begin(t, r, Options{Receivers: []Receiver{To("box", box)}, Reminder: time.Hour})
		advance(time.Minute)
		box.expect(t, firingPostgres)
		advance(time.Hour)
		box.expect(t, firingPostgres)

		end := r.Maintain(time.Now().Add(10*time.Hour), "upgrade")
		advance(5 * time.Hour)
		box.expect(t, "")
		end()
		advance(time.Minute)
		box.expect(t, firingPostgres) // overdue
	})
}

func TestMutedChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box, db := &postbox{}, &dial{}
		r := watched(t, health.Check{Name: "postgres", Func: db.check, Critical: true})
		begin(t, r, Options{Receivers: []Receiver{To("box", box)}})
		r.Maintain(time.Now().Add(time.Hour), "upgrade", "postgres")
		advance(time.Minute)
		db.set(errDown)
		advance(59*time.Minute + DefaultHold - time.Second)
		box.expect(t, "")
		advance(time.Second) // after the window and the hold
		box.expect(t, firingPostgres)

		t.Log("a window, or a pause, ends no alert")
		end := r.Maintain(time.Now().Add(time.Hour), "again")
		advance(10 * time.Minute)
		r.Pause("postgres")
		advance(10 * time.Minute)
		end()
		advance(10 * time.Minute)
		r.Resume("postgres")
		advance(time.Minute)
		box.expect(t, "")

		t.Log("being healthy does")
		r.Maintain(time.Now().Add(time.Hour), "again")
		db.set(nil)
		advance(time.Minute)
		box.expect(t, "resolved postgres HealthCheckUnhealthy critical")
	})
}

func TestRootCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box, db := &postbox{}, &dial{}
		checks := []health.Check{{Name: "postgres", Func: db.check, Interval: 10 * time.Second}}
		for _, name := range []string{"cart", "search"} {
			checks = append(checks, health.Check{
				Name: name, Func: db.check, DependsOn: []string{"postgres"}, Critical: name == "cart",
			})
		}
		r := watched(t, checks...)
		begin(t, r, Options{Receivers: []Receiver{To("box", box)}})
		advance(time.Minute)
		db.set(errDown)
		advance(DefaultHold + 10*time.Second)
		if a := box.last(t); a.Annotations["dependants"] != "cart, search" {
			t.Errorf("dependants %q", a.Annotations["dependants"])
		}
		box.expect(t, firingPostgres) // critical as cart is
		db.set(nil)
		advance(DefaultHold)
		box.expect(t, "resolved postgres HealthCheckUnhealthy critical")
	})
}

func TestFlappingIsOneAlert(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := &postbox{}
		calls := 0
		r := watched(t, health.Check{Name: "postgres", Func: func(context.Context) error {
			if calls++; calls < 200 && calls%2 == 0 {
				return errDown
			}
			return nil
		}})
		begin(t, r, Options{Receivers: []Receiver{To("box", box)}})
		advance(100 * time.Second)
		box.expect(t, "firing postgres HealthCheckFlapping warning")
		advance(10 * time.Minute)
		box.expect(t, "resolved postgres HealthCheckFlapping warning")
	})
}

func TestAnotherFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box, db := &postbox{}, &dial{err: health.Degraded(errDown)}
		r := watched(t, health.Check{Name: "postgres", Func: db.check, Critical: true})
		begin(t, r, Options{Receivers: []Receiver{To("box", box)}})
		advance(time.Minute)
		box.expect(t, "firing postgres HealthCheckDegraded warning")
		db.set(errDown)
		advance(25 * time.Second)
		box.expect(t, "")
		advance(10 * time.Second)
		box.expect(t, firingPostgres+", resolved postgres HealthCheckDegraded warning")
	})
}

// A check that can't decide how bad it is has its hold all the same.
func TestHoldCountsFromTheFirstFault(t *testing.T) {
	d := decider{job: "shop", hold: 30 * time.Second, tracks: map[string]*track{}}
	now := time.Now()
	var alerts []Alert
	for i := range 4 {
		r := health.Result{Name: "a", State: health.StateUnhealthy}
		if i%2 == 0 {
			r.State = health.StateDegraded
		}
		var again time.Time
		alerts, again = d.decide(health.Report{Time: now.Add(time.Duration(i) * 10 * time.Second), Results: []health.Result{r}}, nil)
		if want := now.Add(d.hold); i < 3 && (len(alerts) != 0 || !again.Equal(want)) {
			t.Errorf("after %d steps: %v, again at %v, want %v", i, alerts, again, want)
		}
	}
	if len(alerts) != 1 || alerts[0].Labels[labelName] != string(unhealthy) {
		t.Errorf("after the hold: %+v", alerts)
	}
	again, _ := d.decide(health.Report{Time: now.Add(time.Hour), Results: []health.Result{{Name: "a", State: health.StateUnhealthy}}}, nil)
	if !alerts[0].fresh || len(again) != 1 || again[0].fresh {
		t.Errorf("what is new at first is not the second time: %+v, %+v", alerts, again)
	}
}

func TestRead(t *testing.T) {
	now := time.Now()
	c := health.Check{Grace: time.Minute, TTL: time.Minute}
	for name, tt := range map[string]struct {
		result health.Result
		kind   kind
		means  reading
	}{
		"healthy":            {health.Result{State: health.StateHealthy}, "", sound},
		"healthy, muted":     {health.Result{State: health.StateHealthy, Maintenance: "x"}, "", sound},
		"degraded":           {health.Result{State: health.StateDegraded}, degraded, wrong},
		"unhealthy":          {health.Result{State: health.StateUnhealthy}, unhealthy, wrong},
		"root elsewhere":     {health.Result{State: health.StateUnhealthy, SuppressedBy: "x"}, unhealthy, undecided},
		"flapping, healthy":  {health.Result{State: health.StateHealthy, Flapping: true}, flapping, wrong},
		"flapping in a mute": {health.Result{State: health.StateUnhealthy, Flapping: true, Maintenance: "x"}, flapping, undecided},
		"stale":              {health.Result{Reason: health.ReasonStale}, stale, wrong},
		"starting":           {health.Result{Reason: health.ReasonPending, Since: now.Add(-2*time.Minute + 1)}, "", undecided},
		"not started ever":   {health.Result{Reason: health.ReasonPending, Since: now.Add(-2 * time.Minute)}, stale, wrong},
		"paused":             {health.Result{Reason: health.ReasonPaused}, "", undecided},
		"stopped":            {health.Result{Reason: health.ReasonStopped}, "", undecided},
	} {
		k, means, until := read(&tt.result, &c, now)
		if means != tt.means || means == wrong && k != tt.kind {
			t.Errorf("%s: %s %d, want %s %d", name, k, means, tt.kind, tt.means)
		}
		if (name == "starting") == until.IsZero() {
			t.Errorf("%s: until %v", name, until)
		}
	}
}

func TestRegistryThatNobodyStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := &postbox{}
		r := health.New(health.Options{})
		must(t, r.Register(health.Check{Name: "postgres", Func: (&dial{}).check, TTL: time.Minute}))
		begin(t, r, Options{Receivers: []Receiver{To("box", box)}})
		advance(time.Minute + DefaultHold - 1)
		box.expect(t, "")
		advance(1)
		box.expect(t, "firing postgres HealthCheckStale warning")
		must(t, r.Shutdown(t.Context()))
	})
}

func TestUnregisterResolvesAndShutdownDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box, am := &postbox{}, &wire{}
		r := watched(t, health.Check{Name: "a", Func: (&dial{err: errDown}).check, Interval: time.Second})
		advance(2 * time.Second)
		must(t, r.Register(health.Check{Name: "b", Func: (&dial{err: errDown}).check}))
		begin(t, r, Options{Receivers: []Receiver{To("box", box), am.over(Alertmanager("http://am:9093"))}})
		advance(time.Minute)
		box.expect(t, "firing a HealthCheckUnhealthy warning | firing b HealthCheckUnhealthy warning")
		r.Unregister("a")
		box.expect(t, "resolved a HealthCheckUnhealthy warning")
		must(t, r.Shutdown(t.Context()))
		before := len(am.all())
		advance(5 * time.Hour)
		box.expect(t, "")
		if more := am.all()[before:]; len(more) != 0 {
			t.Errorf("what nobody watches any more is still told: %+v", more)
		}
	})
}

// Instances of a service, and a process after its restart, speak of one alert.
func TestRestartGivesTheSameAlert(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var prints []string
		for range 2 {
			box := &postbox{}
			r := watched(t, health.Check{Name: "postgres", Func: (&dial{err: fmt.Errorf("down at %v", time.Now())}).check})
			s := begin(t, r, Options{Receivers: []Receiver{To("box", box)}, Labels: map[string]string{"env": "prod"}})
			advance(time.Minute)
			a := box.last(t)
			prints = append(prints, a.Fingerprint()+fmt.Sprint(a.Labels))
			must(t, errors.Join(s.Shutdown(t.Context()), r.Shutdown(t.Context())))
		}
		if prints[0] != prints[1] {
			t.Errorf("%q", prints)
		}
	})
}

func TestDependantsAreBounded(t *testing.T) {
	var names []string
	for i := range 30 {
		names = append(names, fmt.Sprint(i))
	}
	a := annotate(&health.Result{Name: "x"}, unhealthy, "shop", warning, names)
	if got := a["dependants"]; strings.Count(got, ", ") != maxDependants || !strings.HasSuffix(got, "19, and 10 more") {
		t.Errorf("%s", got)
	}
}
