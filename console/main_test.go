package console

import (
	"os"
	"testing"

	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/otelmon/otelmon-go/internal/taptest"
)

func TestMain(m *testing.M) {
	_ = os.Setenv("OTELMON_REDACT_KEYS", "customer.iban, kontonr") // which holds for a process
	goleak.VerifyTestMain(m)
}

// rig is a console behind real providers.
type rig struct {
	*Console
	*taptest.Rig
}

func newRig(t *testing.T, o Options) *rig {
	t.Helper()
	x := New(o)
	return &rig{x, taptest.New(t, x)}
}

func traceID(s trace.Span) trace.TraceID { return s.SpanContext().TraceID() }
