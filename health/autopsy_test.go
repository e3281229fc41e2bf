package health

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func hangHere(release <-chan struct{}) { <-release }

// The stack of a hung execution, and of what it waits for, is in its result and
// in detailed answers, and nowhere else.
func TestAutopsy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r := begin(t, Options{},
			Check{Name: "hung", Critical: true, Interval: 5 * time.Second, Timeout: time.Second, Func: func(context.Context) error {
				done := make(chan struct{})
				go func() { defer close(done); hangHere(release) }()
				<-done
				return nil
			}},
			Check{Name: "fine", Func: pass})
		advance(3 * time.Second)
		stack := expect(t, r, "hung", StateUnhealthy, ReasonHung).Stack
		first, _, _ := strings.Cut(stack, "\n\n")
		if !strings.Contains(first, "health.TestAutopsy") || !strings.Contains(stack, "health.hangHere autopsy_test.go:") {
			t.Errorf("stack\n%s", stack)
		}
		if resultOf(t, r, "fine").Stack != "" {
			t.Error("a check that doesn't hang has a stack")
		}
		if body := get(t, r.Handler(ShowDetails(everyone)), "/readyz", "").Body.String(); !strings.Contains(body, "\n    health.hangHere autopsy_test.go:") {
			t.Errorf("the detailed answer lacks the stack:\n%s", body)
		}
		if body := get(t, r.Handler(), "/readyz", "").Body.String(); strings.Contains(body, "hangHere") {
			t.Errorf("everybody sees the stack:\n%s", body)
		}

		// Within ten seconds no second look; then one for all who came meanwhile.
		must(t, r.Register(Check{Name: "second", Interval: time.Hour, Timeout: time.Second, Func: func(context.Context) error { hangHere(release); return nil }}))
		advance(2 * time.Second)
		if expect(t, r, "second", StateUnhealthy, ReasonHung).Stack != "" {
			t.Error("each hung check costs a profile")
		}
		advance(10 * time.Second)
		if resultOf(t, r, "second").Stack == "" || resultOf(t, r, "hung").Stack == "" {
			t.Error("the second check's stack is never looked up, or the first one's is lost")
		}
		close(release)
		advance(10 * time.Second)
		if result := expect(t, r, "hung", StateHealthy, ""); result.Stack != "" {
			t.Error("a healthy check keeps its stack")
		}
	})
}

// The execution's own stack comes first, wherever the profile has it.
func TestStackOfTheExecutionComesFirst(t *testing.T) {
	child := "1 @ 0x1\n# labels: {\"health.check\":\"db\"}\n#\t0x1\tmain.child+0x3\t\t/src/app/main.go:9\n"
	own := "1 @ 0x2\n# labels: {\"health.check\":\"db\"}\n#\t0x2\texample.com/x/health.(*Registry).execute+0x33\t/src/health/run.go:12\n"
	want := "health.(*Registry).execute run.go:12\n\nmain.child main.go:9\n"
	for _, profile := range []string{child + "\n" + own, own + "\n" + child} {
		if got := labelled("goroutine profile: total 2\n" + profile)["db"]; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func FuzzLabelled(f *testing.F) {
	f.Add("goroutine profile: total 1\n1 @ 0x1\n# labels: {\"health.check\":\"db\"}\n#\t0x1\tmain.f+0x33\t/src/main.go:12\n\n")
	f.Fuzz(func(t *testing.T, profile string) {
		for name, stack := range labelled(profile) {
			if name == "" || len(stack) > maxStack {
				t.Errorf("%q has %d bytes", name, len(stack))
			}
		}
	})
}
