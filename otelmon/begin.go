package otelmon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// Begin starts an operation; the function it returns ends it:
//
//	func charge(ctx context.Context, card Card) (err error) {
//		ctx, end := otelmon.Begin(ctx, "charge-card")
//		defer end(&err)
//
// The operation is a span called name, carrying attrs, and one measurement in
// the histogram otelmon.operation.duration (seconds), whose only attributes
// are the name and, when it failed, error.type. So name must come from a small
// fixed set, while attrs may be anything.
//
// Through the pointer, end sees the error that the function returns: the
// span's status becomes Error and error.type a class of it: "canceled",
// "timeout", what an ErrorType() string method says, or the error's Go type.
// end(nil) is for a function without an error. A panic that passes a deferred
// end is recorded and goes on.
//
// It uses the global providers and is safe for concurrent use; end is called
// once.
func Begin(ctx context.Context, name string, attrs ...attribute.KeyValue) (context.Context, func(*error)) {
	// Small enough to be inlined, so that the function it returns need not live
	// on the heap.
	r := begin(ctx, name, attrs)
	return r.ctx, r.end
}

// running is an operation between Begin and its end.
type running struct {
	in    *instruments
	name  *operation
	span  trace.Span
	start time.Time
	ctx   context.Context //nolint:containedctx // what the measurement is made with
}

func begin(ctx context.Context, name string, attrs []attribute.KeyValue) running {
	r := running{in: current()}
	r.name = r.in.operation(name)
	if len(attrs) == 0 {
		r.ctx, r.span = r.in.tracer.Start(ctx, name) //nolint:spancheck // running.end does
	} else {
		r.ctx, r.span = r.in.tracer.Start(ctx, name, trace.WithAttributes(attrs...)) //nolint:spancheck // running.end does
	}
	if s, ok := r.span.(sdktrace.ReadOnlySpan); ok {
		r.start = s.StartTime()
	} else {
		r.start = time.Now()
	}
	return r
}

// end is the deferred function itself, or it could not recover.
func (r running) end(errp *error) {
	panicked := recover()
	options := r.name.ok
	switch {
	case panicked != nil:
		options = r.fail("panic", shorten(fmt.Sprintf("panic: %v", panicked)))
	case errp != nil && *errp != nil:
		options = r.fail(describe(*errp))
	}
	r.in.duration.Record(r.ctx, time.Since(r.start).Seconds(), options...)
	r.span.End()
	if panicked != nil {
		panic(panicked)
	}
}

func (r running) fail(class, text string) []metric.RecordOption {
	r.span.SetAttributes(attribute.String(keys.ErrorType, class))
	r.span.SetStatus(codes.Error, text)
	return []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(
		attribute.String(keys.OperationName, r.name.name), attribute.String(keys.ErrorType, class),
	))}
}

// operation is a name and what its successes are recorded with.
type operation struct {
	name string
	ok   []metric.RecordOption
}

func newOperation(name string) *operation {
	return &operation{name, []metric.RecordOption{
		metric.WithAttributeSet(attribute.NewSet(attribute.String(keys.OperationName, name))),
	}}
}

// maxNames bounds the cache: a caller that makes up names pays, not the heap.
const maxNames = 1000

// instruments are what Begin needs from one pair of global providers.
type instruments struct {
	tracers  trace.TracerProvider
	meters   metric.MeterProvider
	tracer   trace.Tracer
	duration metric.Float64Histogram

	mu    sync.Mutex // of writers; names is replaced, never changed
	names atomic.Pointer[map[string]*operation]
}

// cached holds the instruments: to ask the providers for them at each call
// would cost more than the span. It follows the globals when they are replaced.
var cached atomic.Pointer[instruments] //nolint:gochecknoglobals // a cache of OTel's own globals

func current() *instruments {
	tracers, meters := otel.GetTracerProvider(), otel.GetMeterProvider()
	if in := cached.Load(); in != nil && in.tracers == tracers && in.meters == meters {
		return in
	}
	duration, err := meters.Meter(keys.ScopeOtelmon).Float64Histogram(
		keys.OperationDuration,
		metric.WithUnit("s"), metric.WithDescription("Duration of operations begun with otelmon.Begin."),
		metric.WithExplicitBucketBoundaries(secondsBuckets()...),
	)
	report(err)
	in := &instruments{tracers: tracers, meters: meters, tracer: tracers.Tracer(keys.ScopeOtelmon), duration: duration}
	in.names.Store(&map[string]*operation{})
	cached.Store(in)
	return in
}

func (in *instruments) operation(name string) *operation {
	if o, ok := (*in.names.Load())[name]; ok {
		return o
	}
	o := newOperation(name)
	in.mu.Lock()
	defer in.mu.Unlock()
	if names := *in.names.Load(); len(names) < maxNames {
		names = maps.Clone(names)
		names[name] = o
		in.names.Store(&names)
	}
	return o
}

// describe returns the class and the text of an error. The methods of a nil
// error panic as a rule; fmt knows how to tell that, and its type says the rest.
func describe(err error) (class, text string) {
	defer func() {
		if recover() != nil {
			class, text = fmt.Sprintf("%T", err), shorten(fmt.Sprint(err))
		}
	}()
	return errorType(err), shorten(err.Error())
}

// shorten keeps a text from outgrowing what a backend takes. The word that the
// cut would sever goes as well, unless it is long: of a password in a URL the
// beginning would be left, which nothing tells from other text any more.
func shorten(text string) string {
	if len(text) <= maxErrorText {
		return text
	}
	end := maxErrorText
	if word := strings.LastIndexAny(text[:end], " \t\r\n"); word > end-maxSevered {
		end = word
	}
	return strings.ToValidUTF8(text[:end], "") + "…"
}

// errorType is semconv's, but for the errors of every context, which are
// better told by what happened than by their Go types.
func errorType(err error) string {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	}
	return semconv.ErrorType(err).Value.AsString()
}
