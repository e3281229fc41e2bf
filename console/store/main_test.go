package store

import (
	"testing"

	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/otelmon/otelmon-go/internal/taptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a store behind real providers.
type rig struct {
	*Store
	*taptest.Rig
}

func newRig(t *testing.T, maxBytes int) *rig {
	t.Helper()
	x := New(maxBytes)
	return &rig{x, taptest.New(t, x)}
}

func traceID(s trace.Span) trace.TraceID { return s.SpanContext().TraceID() }
