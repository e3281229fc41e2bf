package health

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// script is a check that finds what it is told, one letter an execution: h, d or
// u. The last letter is repeated.
func script(letters string) func(context.Context) error {
	i := -1
	return func(context.Context) error {
		i = min(i+1, len(letters)-1)
		switch letters[i] {
		case 'd':
			return Degraded(errors.New("lag"))
		case 'u':
			return errDown
		}
		return nil
	}
}

func TestFallAndRise(t *testing.T) {
	for _, tc := range []struct {
		fall, rise  int
		found, want string
	}{
		{1, 1, "huhdu", "huhdu"},
		{3, 1, "uuh", "uuh"},           // the first result is believed at once
		{3, 1, "huuhuuuh", "hhhhhhuh"}, // a success in between starts anew
		{1, 3, "huhhuhhh", "huuuuuuh"}, // and so does a failure
		{2, 2, "huuhhuhu", "hhuuhhhh"}, // a check that alternates stays what it was
		{3, 3, "hdduuuuu", "hhhddduu"}, // three have found it no better than degraded
		{3, 3, "huuddd", "hhhddd"},
		{3, 1, "hdudud", "hhhddd"},
		{2, 2, "duhuhuh", "ddddddd"}, // better and worse in turn prove neither
		{2, 3, "uhdhhhh", "uuudddh"}, // three have found it no worse than degraded
	} {
		e := newEntry(Check{Name: "c", Fall: tc.fall, Rise: tc.rise}.withDefaults(), time.Now())
		found := script(tc.found)
		var got strings.Builder
		for range tc.found {
			f := finding{state: StateHealthy}
			if err := found(t.Context()); err != nil {
				f = judge(t.Context(), err)
			}
			e.update(&run{entry: e, span: noSpan(t.Context())}, f, time.Now())
			got.WriteByte(map[State]byte{StateHealthy: 'h', StateDegraded: 'd', StateUnhealthy: 'u'}[e.latest.Load().State])
		}
		if got.String() != tc.want {
			t.Errorf("Fall %d, Rise %d: found %s, reads %s, want %s", tc.fall, tc.rise, tc.found, got.String(), tc.want)
		}
	}
}

// In doubt a result says what speaks against its state, and the check is
// executed sooner.
func TestDoubtIsVisibleAndShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, got := recording(t)
		r := begin(t, o, Check{Name: "c", Fall: 3, Rise: 2, Interval: 20 * time.Second, Func: script("huuuhh")})
		advance(time.Second) // the first at 1 s, the second a whole interval later
		says := func(state, found State, streak int, reason Reason, message string) {
			t.Helper()
			result := expect(t, r, "c", state, reason)
			if result.Found != found || result.Streak != streak || result.Message != message {
				t.Errorf("found %s, streak %d, %q, want %s, %d, %q", result.Found, result.Streak, result.Message, found, streak, message)
			}
		}
		says(StateHealthy, StateHealthy, 0, "", "")
		advance(20 * time.Second)
		says(StateHealthy, StateUnhealthy, 1, "", "unhealthy 1 of 3 times: down")
		advance(4 * time.Second)
		says(StateHealthy, StateUnhealthy, 2, "", "unhealthy 2 of 3 times: down")
		advance(4 * time.Second)
		says(StateUnhealthy, StateUnhealthy, 0, ReasonError, "down")
		advance(20 * time.Second)
		says(StateUnhealthy, StateHealthy, 1, ReasonError, "healthy 1 of 2 times; before: down")
		advance(4 * time.Second)
		says(StateHealthy, StateHealthy, 0, "", "")
		if n := len(got.events.all()); n != 3 {
			t.Errorf("%d events, want those of three changes", n)
		}
	})
}

// A hung execution counts once at its timeout and then with each interval.
func TestHungCountsTowardsFall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, got := recording(t)
		release := make(chan struct{})
		calls := 0
		r := begin(t, o, Check{Name: "c", Fall: 3, Interval: 10 * time.Second, Timeout: time.Second, Func: func(context.Context) error {
			if calls++; calls > 1 {
				<-release
			}
			return nil
		}})
		advance(12 * time.Second)
		result := expect(t, r, "c", StateHealthy, "")
		if want := "unhealthy 1 of 3 times: has not returned for 1s, the timeout is 1s"; result.Message != want {
			t.Errorf("message %q, want %q", result.Message, want)
		}
		advance(3 * time.Second)
		expect(t, r, "c", StateHealthy, "")
		advance(time.Second) // two of the faster intervals
		expect(t, r, "c", StateUnhealthy, ReasonHung)
		events := got.events.all()
		if len(events) != 2 || events[1].TraceID() == [16]byte{} || events[1].TraceID() != got.spans.Ended()[1].SpanContext().TraceID() {
			t.Errorf("%d events, want two, the second in the trace of the hung execution", len(events))
		}
		close(release)
	})
}

func TestGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, got := recording(t)
		r := begin(t, o,
			Check{Name: "comes", Critical: true, Grace: time.Minute, Func: script("uuuuuh")},
			Check{Name: "limps", Grace: time.Minute, Func: script("d")},
			Check{Name: "never", Critical: true, Grace: time.Minute, Func: fail})
		advance(10 * time.Second)
		expect(t, r, "limps", StateDegraded, ReasonError)
		for _, name := range []string{"comes", "never"} {
			if result := expect(t, r, name, StateUnknown, ReasonPending); result.Message != "starting: down" {
				t.Errorf("message %q", result.Message)
			}
		}
		if report := r.Report(); report.Verdict(Liveness) != StateHealthy || report.Verdict(Readiness) != StateUnknown {
			t.Errorf("liveness %s, readiness %s while starting", report.Verdict(Liveness), report.Verdict(Readiness))
		}
		if n := len(got.events.all()); n != 1 {
			t.Errorf("%d events while starting, want that of the one that limps", n)
		}
		advance(time.Minute)
		expect(t, r, "comes", StateHealthy, "")
		expect(t, r, "never", StateUnhealthy, ReasonError)
	})
}

// Nagios' hysteresis: it begins at a quarter and ends below a tenth.
func TestFlapHysteresis(t *testing.T) {
	var c changes
	flapping := false
	add := func(changed int64, n int) {
		for range n {
			c = c.add(changed)
			flapping = c.share() >= flappingBegins || flapping && c.share() >= flappingEnds
		}
	}
	add(1, 4)
	if flapping {
		t.Error("four changes are no flapping")
	}
	add(1, 1)
	if !flapping {
		t.Error("five changes in a row are flapping")
	}
	add(0, 15)
	if !flapping {
		t.Error("it ends although five of 20 results changed the state")
	}
	add(0, 4)
	if flapping {
		t.Error("it goes on although one of 20 results changed the state")
	}
	add(1, 1)
	if flapping {
		t.Error("one change more begins it again")
	}
}

// Flapping is told once when it begins and once when it ends; every change is
// counted, and the state stays true throughout.
func TestFlappingIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, got := recording(t)
		var told []string
		r := New(o)
		r.random = func() float64 { return 0.5 }
		must(t, r.Register(Check{Name: "c", Interval: time.Second, Func: script("h" + strings.Repeat("uh", 20) + "u")}))
		r.Listen(func(tr Transition) {
			told = append(told, tr.To.State.String()+map[bool]string{true: " flapping"}[tr.To.Flapping])
		})
		must(t, r.Start(t.Context()))
		advance(20 * time.Second)
		if result := resultOf(t, r, "c"); !result.Flapping || sum(t, got.collect(t)["health.check.flapping"]) != 1 {
			t.Error("it is not flapping")
		}
		advance(time.Minute)
		if result := expect(t, r, "c", StateUnhealthy, ReasonError); result.Flapping {
			t.Error("it is still flapping")
		}
		must(t, r.Shutdown(t.Context()))
		want := "healthy unhealthy healthy unhealthy healthy unhealthy flapping unhealthy unknown"
		if got := strings.Join(told, " "); got != want {
			t.Errorf("listener was told %s\nwant %s", got, want)
		}
		var events []string
		for _, e := range got.events.all() {
			events = append(events, strings.TrimPrefix(e.EventName(), "health.check."))
		}
		if want := strings.Repeat("state_changed ", 5) + "flapping_started flapping_ended"; strings.Join(events, " ") != want {
			t.Errorf("events %v, want %s", events, want)
		}
		if n := sum(t, got.collect(t)["health.check.transitions"]); n != 42 {
			t.Errorf("%d changes were counted, want 42", n)
		}
	})
}

func TestPauseEndsFlapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, Options{}, Check{Name: "c", Interval: time.Second, Func: script(strings.Repeat("uh", 10))})
		advance(10 * time.Second)
		if !resultOf(t, r, "c").Flapping {
			t.Error("it is not flapping")
		}
		r.Pause("c")
		r.Resume("c")
		advance(2 * time.Second)
		if result := resultOf(t, r, "c"); result.Flapping || result.State == StateUnknown {
			t.Errorf("after a pause: %+v", result)
		}
	})
}
