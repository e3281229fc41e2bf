package otelmon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/internal/keys"
)

type declined struct{}

func (declined) Error() string     { return "card 4711 declined" }
func (declined) ErrorType() string { return "declined" }

// broken is an error whose method panics on nil, as most do.
type broken struct{ text string }

func (b *broken) Error() string { return b.text }

func text(err error) string {
	if b, ok := err.(*broken); ok && b == nil { //nolint:errorlint // this very value
		return "<nil>"
	}
	return err.Error()
}

func TestBeginCutsEndlessTexts(t *testing.T) {
	r := record(t)
	_, end := Begin(t.Context(), "charge")
	err := errors.New(strings.Repeat("x", 1<<20))
	end(&err)
	if n := len(r.spans.Ended()[0].Status().Description); n > maxErrorText+3 {
		t.Errorf("a status of %d bytes", n)
	}
}

// Of a secret that the cut would sever nothing is left, as nobody could tell it
// from other text.
func TestBeginSeversNoSecret(t *testing.T) {
	const dsn = "postgres://app:hunter2hunter2@db:5432/shop"
	for at := maxErrorText - len(dsn) - 1; at < maxErrorText; at++ {
		got := shorten(strings.Repeat("x", at) + " " + dsn + " does not answer")
		if strings.Contains(got, "hun") && !strings.Contains(got, "@db") || len(got) > maxErrorText+3 {
			t.Errorf("at %d: %s", at, got[at:])
		}
	}
}

func TestBeginRecordsOneSpanAndOneDuration(t *testing.T) {
	for name, tc := range map[string]struct {
		err   error
		class string
	}{
		"success":     {nil, ""},
		"own type":    {fmt.Errorf("charge: %w", declined{}), "declined"},
		"canceled":    {fmt.Errorf("charge: %w", context.Canceled), "canceled"},
		"timeout":     {os.ErrDeadlineExceeded, "timeout"},
		"nil pointer": {(*broken)(nil), "*otelmon.broken"},
		"go type":     {fmt.Errorf("read: %w", &fs.PathError{Op: "open", Path: "/secret", Err: fs.ErrNotExist}), "*fs.PathError"},
	} {
		t.Run(name, func(t *testing.T) {
			r := record(t)
			func() (err error) {
				ctx, end := Begin(t.Context(), "charge", attribute.String("card", "debit"))
				defer end(&err)
				if !trace.SpanFromContext(ctx).IsRecording() {
					t.Error("no span in the context")
				}
				return tc.err
			}() //nolint:errcheck // the error is the input

			spans := r.spans.Ended()
			if len(spans) != 1 || spans[0].Name() != "charge" {
				t.Fatalf("got %d spans", len(spans))
			}
			want := attribute.NewSet(attribute.String("card", "debit"))
			set := attribute.NewSet(attribute.String(keys.OperationName, "charge"))
			if tc.err != nil {
				class := attribute.String(keys.ErrorType, tc.class)
				want = attribute.NewSet(attribute.String("card", "debit"), class)
				set = attribute.NewSet(attribute.String(keys.OperationName, "charge"), class)
				if s := spans[0].Status(); s.Code != codes.Error || s.Description != text(tc.err) {
					t.Errorf("status %+v", s)
				}
			}
			if got := attribute.NewSet(spans[0].Attributes()...); !got.Equals(&want) {
				t.Errorf("span attributes %v, want %v", got.ToSlice(), want.ToSlice())
			}
			points := r.collect(t, keys.OperationDuration).Data.(metricdata.Histogram[float64]).DataPoints
			if len(points) != 1 || points[0].Count != 1 || !points[0].Attributes.Equals(&set) {
				t.Errorf("durations %+v", points)
			}
			if len(points[0].Exemplars) == 0 {
				t.Error("the duration leads to no trace")
			}
		})
	}
}

func TestBeginRecordsAPanicAndLetsItGoOn(t *testing.T) {
	r := record(t)
	func() {
		defer func() {
			if v := recover(); v != "boom" {
				t.Errorf("recovered %v", v)
			}
		}()
		_, end := Begin(t.Context(), "charge")
		defer end(nil)
		panic("boom")
	}()
	spans := r.spans.Ended()
	if len(spans) != 1 || spans[0].Status().Description != "panic: boom" {
		t.Errorf("got %v", spans)
	}
}

func TestBeginFollowsTheGlobalProviders(t *testing.T) {
	for range 2 {
		r := record(t)
		_, end := Begin(t.Context(), "job")
		end(nil)
		if n := len(r.spans.Ended()); n != 1 {
			t.Errorf("%d spans reached the newest provider", n)
		}
	}
}

func TestBeginBoundsItsCache(t *testing.T) {
	record(t)
	for i := range 2 * maxNames {
		_, end := Begin(t.Context(), strconv.Itoa(i))
		end(nil)
	}
	if n := len(*cached.Load().names.Load()); n != maxNames {
		t.Errorf("%d names are held, want %d", n, maxNames)
	}
}

func TestErrorTypeNeverHoldsTheText(t *testing.T) {
	if got := errorType(errors.New("user 4711 not found")); got != "*errors.errorString" {
		t.Errorf("got %q", got)
	}
}
