package checkers

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/otelmon/otelmon-go/health"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errDown = errors.New("down")

func pass(context.Context) error { return nil }
func fail(context.Context) error { return errDown }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// execute lets a registry execute the check until it has a result, so that
// what a test sees is what a user would.
func execute(t *testing.T, check func(context.Context) error) health.Result {
	t.Helper()
	r := health.New(health.Options{})
	must(t, r.Register(health.Check{Name: "c", Func: check, Interval: time.Second}))
	must(t, r.Start(t.Context()))
	for r.Report().Results[0].State == health.StateUnknown {
		<-time.After(time.Millisecond)
	}
	result := r.Report().Results[0]
	must(t, r.Shutdown(context.WithoutCancel(t.Context())))
	return result
}

// stateOf is the state that err stands for.
func stateOf(t *testing.T, err error) (state health.State) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		state = execute(t, func(context.Context) error { return err }).State
	})
	return state
}

// overTime calls f with a fake clock. The function it passes on calls the check
// some time later, to the nanosecond. A registry takes time to say what an error
// stands for, so that is asked afterwards.
func overTime(t *testing.T, check func(context.Context) error, f func(after func(d time.Duration, want health.State, message string))) {
	t.Helper()
	var found []func()
	synctest.Test(t, func(*testing.T) {
		f(func(d time.Duration, want health.State, message string) {
			<-time.After(d)
			err := check(t.Context())
			found = append(found, func() {
				if got := stateOf(t, err); got != want || err != nil && err.Error() != message {
					t.Errorf("%s (%v), want %s (%s)", got, err, want, message)
				}
			})
		})
	})
	for _, compare := range found {
		compare()
	}
}

// expect executes the check and compares its state and, if not empty, message.
func expect(t *testing.T, check func(context.Context) error, state health.State, message string) health.Result {
	t.Helper()
	got := execute(t, check)
	if got.State != state || message != "" && got.Message != message {
		t.Errorf("%s (%s), want %s (%s)", got.State, got.Message, state, message)
	}
	return got
}

// detail returns a detail of a result as text.
func detail(t *testing.T, result health.Result, key string) string {
	t.Helper()
	for _, kv := range result.Details.ToSlice() {
		if string(kv.Key) == key {
			return kv.Value.String()
		}
	}
	t.Errorf("no detail %s in %v", key, result.Details.ToSlice())
	return ""
}
