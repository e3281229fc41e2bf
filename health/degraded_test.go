package health

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

type emptyError struct{}

func (emptyError) Error() string   { return "no causes" }
func (emptyError) Unwrap() []error { return nil }

func TestWorstBranchOfAnErrorDecides(t *testing.T) {
	a, b := errors.New("a"), errors.New("b")
	for _, tc := range []struct {
		err    error
		state  State
		reason Reason
	}{
		{nil, StateHealthy, ""},
		{Degraded(nil), StateHealthy, ""},
		{a, StateUnhealthy, ReasonError},
		{Degraded(a), StateDegraded, ReasonError},
		{fmt.Errorf("x: %w", Degraded(a)), StateDegraded, ReasonError},
		{errors.Join(Degraded(a), Degraded(b)), StateDegraded, ReasonError},
		{errors.Join(Degraded(a), nil), StateDegraded, ReasonError},
		{errors.Join(Degraded(a), b), StateUnhealthy, ReasonError},
		{errors.Join(b, Degraded(a)), StateUnhealthy, ReasonError},
		{fmt.Errorf("%w, %w", Degraded(a), fmt.Errorf("y: %w", b)), StateUnhealthy, ReasonError},
		{Degraded(errors.Join(a, b)), StateDegraded, ReasonError},
		{emptyError{}, StateUnhealthy, ReasonError},
		{fmt.Errorf("query: %w", context.DeadlineExceeded), StateUnhealthy, ReasonTimeout},
		{context.Canceled, StateUnhealthy, ReasonError},
	} {
		if got := judge(t.Context(), tc.err); got.state != tc.state || got.reason != tc.reason {
			t.Errorf("%v: %s (%s), want %s (%s)", tc.err, got.state, got.reason, tc.state, tc.reason)
		}
	}
	if !errors.Is(Degraded(a), a) {
		t.Error("Degraded hides its cause")
	}
}
