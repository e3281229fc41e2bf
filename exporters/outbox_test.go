package exporters_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

// source is an SDK of its own whose telemetry goes to an outbox.
type source struct {
	box     *exporters.Outbox
	tracers *sdktrace.TracerProvider
	loggers *sdklog.LoggerProvider
	meters  *sdkmetric.MeterProvider
	told    *reports
}

// reports keeps what an outbox reports.
type reports struct {
	mu   sync.Mutex
	errs []error
}

func (r *reports) add(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
}

func (r *reports) all() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.errs)
}

func newSource(t *testing.T, o exporters.Options) *source {
	t.Helper()
	s := &source{told: &reports{}}
	o.Report = s.told.add
	box, err := exporters.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	s.box = box
	s.provide()
	t.Cleanup(func() { _ = s.close(done()) })
	return s
}

func (s *source) provide() {
	box := s.box
	s.tracers = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(box.SpanProcessor()))
	s.loggers = sdklog.NewLoggerProvider(sdklog.WithProcessor(box.LogProcessor()))
	s.meters = sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(box.MetricExporter())))
}

// done is a context that is over.
func done() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// work makes spans and log records named from the first number up to the last,
// and as many points of a gauge.
func (s *source) work(from, to int) {
	tracer, logger := s.tracers.Tracer("test"), s.loggers.Logger("test")
	gauge, _ := s.meters.Meter("test").Int64Gauge("work")
	for i := from; i < to; i++ {
		_, span := tracer.Start(context.Background(), fmt.Sprint("span ", i))
		span.End()
		emit(logger, fmt.Sprint("record ", i))
		gauge.Record(context.Background(), int64(i), metric.WithAttributes(attribute.Int("i", i)))
	}
}

func (s *source) close(ctx context.Context) error {
	_ = s.tracers.Shutdown(ctx)
	_ = s.loggers.Shutdown(ctx)
	_ = s.meters.Shutdown(ctx)
	return s.box.Close(ctx)
}

func emit(l log.Logger, text string) {
	var r log.Record
	r.SetBody(attribute.StringValue(text))
	l.Emit(context.Background(), r)
}

// noise is text that does not get smaller.
func noise(seed int) string {
	source := rand.New(rand.NewPCG(uint64(seed), 1)) //nolint:gosec // a test's noise
	b := make([]byte, 100)
	for i := range b {
		b[i] = byte('!' + source.IntN(90))
	}
	return string(b)
}

// names returns what arrived, and how often.
func names(rs ...*oteltest.Receiver) (spans, records map[string]int) {
	spans, records = map[string]int{}, map[string]int{}
	for _, r := range rs {
		for _, s := range r.Spans() {
			spans[s.GetName()]++
		}
		for _, l := range r.Logs() {
			records[l.GetBody().GetStringValue()]++
		}
	}
	return spans, records
}

// account returns the only destination's account of a signal.
func account(t *testing.T, b *exporters.Outbox, s exporters.Signal) exporters.Account {
	t.Helper()
	for _, a := range b.Status().Accounts {
		if a.Signal == s {
			if sum := a.Delivered + a.Pending + a.Lost(); sum != a.Created {
				t.Errorf("%s: created is not the sum of the rest, %d", a, sum)
			}
			return a
		}
	}
	t.Fatalf("no account of %s", s)
	return exporters.Account{}
}

func TestOutboxDeliversEverything(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"http", "grpc"} {
		for _, dir := range []string{"", "spool"} {
			t.Run(protocol+" "+dir, func(t *testing.T) {
				t.Parallel()
				r := start(t, oteltest.Options{})
				o := to(endpoints(r)[protocol])
				if dir != "" {
					o.Dir = filepath.Join(t.TempDir(), dir)
				}
				s := newSource(t, o)
				const n = 1500
				s.work(0, n)
				if err := s.close(t.Context()); err != nil {
					t.Fatal(err)
				}
				spans, records := names(r)
				if len(spans) != n || len(records) != n {
					t.Errorf("%d different spans and %d records arrived, want %d", len(spans), len(records), n)
				}
				for _, signal := range []exporters.Signal{exporters.Traces, exporters.Logs, exporters.Metrics} {
					a := account(t, s.box, signal)
					if a.Created < n || a.Delivered != a.Created {
						t.Errorf("account: %s", a)
					}
				}
				if dup := slices.Max(slices.Collect(maps.Values(spans))); dup != 1 {
					t.Errorf("a span arrived %d times", dup)
				}
				if told := s.told.all(); len(told) != 0 {
					t.Errorf("reported %v", told)
				}
			})
		}
	}
}
