package exporters_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	grpccodes "google.golang.org/grpc/codes"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/exporters/spool"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

// A directory that others can get at, or have, is refused with what to do.
func TestDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	used := filepath.Join(t.TempDir(), "used")
	o := to(exporters.Endpoint{})
	o.Dir = used
	s := newSource(t, o)
	s.items(0, 3, 0)
	open, link, file := filepath.Join(t.TempDir(), "open"), filepath.Join(t.TempDir(), "link"), filepath.Join(t.TempDir(), "file")
	if err := errors.Join(os.Mkdir(open, 0o700), os.Chmod(open, 0o777), os.Symlink(used, link), os.WriteFile(file, nil, 0o600)); err != nil { //nolint:gosec // that is what is refused
		t.Fatal(err)
	}
	for dir, want := range map[string]string{used: "end the other process", open: "chmod 700", link: "symbolic link", file: "directory"} {
		o.Dir = dir
		if box, err := exporters.Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", dir, err)
			if box != nil {
				_ = box.Close(done())
			}
		} else if dir == used && !errors.Is(err, spool.ErrLocked) {
			t.Errorf("%s: %v", dir, err)
		}
	}
	s.balance(t, 3) // the refused ones have touched nothing
}

// Whatever an option says, Open refuses it in words or what it opens works.
func TestAnyOption(t *testing.T) {
	t.Parallel()
	r := start(t, oteltest.Options{})
	set := map[string]func(*exporters.Options, int64){
		"MaxBytes":      func(o *exporters.Options, n int64) { o.MaxBytes = n },
		"MaxAge":        func(o *exporters.Options, n int64) { o.MaxAge = time.Duration(n) },
		"MinFree":       func(o *exporters.Options, n int64) { o.MinFree = n },
		"Retain":        func(o *exporters.Options, n int64) { o.Retain = time.Duration(n) },
		"Sync":          func(o *exporters.Options, n int64) { o.Sync = time.Duration(n) },
		"MaxMemory":     func(o *exporters.Options, n int64) { o.MaxMemory = n },
		"MaxValue":      func(o *exporters.Options, n int64) { o.MaxValue = int(n) },
		"Spans.Queue":   func(o *exporters.Options, n int64) { o.Spans.Queue = int(n) },
		"Spans.Largest": func(o *exporters.Options, n int64) { o.Spans.Largest = int(n) },
		"Spans.Delay":   func(o *exporters.Options, n int64) { o.Spans.Delay = time.Duration(n) },
		"Records":       func(o *exporters.Options, n int64) { o.Records = exporters.Batching{int(n), int(n), time.Duration(n)} },
		"Endpoint.Timeout": func(o *exporters.Options, n int64) {
			o.Destinations = to(exporters.Endpoint{URL: r.HTTPURL(), Timeout: time.Duration(n)}).Destinations
		},
		"Redact": func(o *exporters.Options, _ int64) {
			o.RedactKeys, o.AllowKeys = []string{"", "*", "\xff"}, []string{"", "\xff"}
		},
		"Name":      func(o *exporters.Options, _ int64) { o.Destinations[0].Name = "../../etc/\xff\n" },
		"long Name": func(o *exporters.Options, _ int64) { o.Destinations[0].Name = strings.Repeat("x", 1<<16) },
		"no URL":    func(o *exporters.Options, _ int64) { o.Destinations[0].Traces = &exporters.Endpoint{URL: ":"} },
		"nowhere":   func(o *exporters.Options, _ int64) { o.Destinations = make([]exporters.Destination, 1) },
	}
	for name, set := range set {
		for _, n := range []int64{math.MinInt64, -1, 0, 1, math.MaxInt64} {
			for _, dir := range []string{"", filepath.Join(t.TempDir(), "spool")} {
				o := to(exporters.Endpoint{URL: r.HTTPURL()})
				o.Dir = dir
				o.Report = func(error) {}
				set(&o, n)
				box, err := exporters.Open(t.Context(), o)
				if err != nil {
					if text := err.Error(); len(text) > 1000 || strings.Contains(text, "\n\n") {
						t.Errorf("%s %d: %q", name, n, text)
					}
					continue
				}
				s := &source{box: box, told: &reports{}}
				s.provide()
				s.items(0, 3, 0)
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				if err := s.close(ctx); err != nil && !strings.Contains(err.Error(), "not delivered") {
					t.Errorf("%s %d: %v", name, n, err)
				}
				cancel()
				for _, a := range box.Status().Accounts {
					if a.Created != 3 || a.Delivered+a.Lost()+a.Pending != 3 {
						t.Errorf("%s %d: %s", name, n, a)
					}
				}
			}
		}
	}
}

// Of a batch with items that nothing and nobody takes, only those are lost.
func TestPoison(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"http", "grpc"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			r := start(t, oteltest.Options{})
			r.Fail(oteltest.Fault{Status: 400, Code: grpccodes.InvalidArgument, Message: "no poison", Only: holds("poison")})
			o := to(endpoints(r)[protocol])
			o.MaxValue = 8 << 20
			s := newSource(t, o)
			huge := strings.Repeat("x", 5<<20)
			_, span := s.tracers.Tracer("sc\xffope").Start(t.Context(), "na\xffme", trace.WithAttributes(attribute.String("k\xff", "v\xff")))
			span.AddEvent("ev\xffent", trace.WithAttributes(attribute.StringSlice("l", []string{"\xff"})))
			span.SetStatus(codes.Error, "\xff")
			span.End()
			logger := s.loggers.Logger("l\xff")
			emit(logger, "bo\xffdy")
			emit(logger, huge)
			emit(logger, "poison")
			_, large := s.tracers.Tracer("t").Start(t.Context(), "large", trace.WithAttributes(attribute.String("k", huge)))
			large.End()
			_, poison := s.tracers.Tracer("t").Start(t.Context(), "poison")
			poison.End()
			tracer := s.tracers.Tracer("t")
			for i := range 20 {
				_, span := tracer.Start(t.Context(), fmt.Sprint(i))
				span.End()
				emit(logger, fmt.Sprint(i))
			}
			err := s.close(t.Context())
			if err == nil || !strings.Contains(err.Error(), "too_large 1") || !strings.Contains(err.Error(), "rejected 1") {
				t.Errorf("close: %v", err)
			}
			for _, signal := range []exporters.Signal{exporters.Traces, exporters.Logs} {
				if a := account(t, s.box, signal); a.Created != 23 || a.Delivered != 21 || a.Dropped["rejected"] != 1 || a.Dropped["too_large"] != 1 {
					t.Errorf("%s", a)
				}
				if got := received(signal, r); len(got) != 21 || got["0"] != 1 {
					t.Errorf("%s: %d arrived", signal, len(got))
				}
			}
			refused := s.box.Status().Refused
			if len(refused) != 2 {
				t.Errorf("%d refused items are shown", len(refused))
			}
			for _, q := range refused {
				if !strings.Contains(string(q.Record), "poison") || !strings.Contains(q.Answer, "no poison") {
					t.Errorf("%+v", q)
				}
			}
		})
	}
}

// holds tells requests that hold an item of that name.
func holds(name string) func(oteltest.Request) bool {
	return func(q oteltest.Request) bool {
		return strings.Contains(fmt.Sprint(q.Traces, q.Logs), `"`+name+`"`)
	}
}

// trap is somebody's value that does not bear to be looked at.
type trap struct{}

func (trap) LogValue() slog.Value { panic("log value") }

// brokenSpan is a span of somebody else's SDK.
type brokenSpan struct{ sdktrace.ReadOnlySpan }

func (brokenSpan) StartTime() time.Time { panic("start time") }

func TestPanicsInWhatIsHandedIn(t *testing.T) {
	t.Parallel()
	r := start(t, oteltest.Options{})
	s := newSource(t, to(exporters.Endpoint{URL: r.HTTPURL()}))
	s.items(0, 3, 0)
	slogger := slog.New(otelslog.NewHandler("t", otelslog.WithLoggerProvider(s.loggers)))
	slogger.Info("3", "trap", trap{})
	stub := tracetest.SpanStub{
		Name: "3", SpanContext: trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}, TraceFlags: trace.FlagsSampled}),
		Resource: resource.Empty(), InstrumentationScope: instrumentation.Scope{Name: "t"},
	}
	processor := s.box.SpanProcessor()
	processor.OnEnd(brokenSpan{stub.Snapshot()})
	processor.OnEnd(stub.Snapshot())
	if err := s.close(t.Context()); err == nil || !strings.Contains(err.Error(), "unencodable 1") {
		t.Errorf("close: %v", err)
	}
	if a := account(t, s.box, exporters.Traces); a.Delivered != 4 || a.Dropped["unencodable"] != 1 {
		t.Errorf("%s", a)
	}
	if a := account(t, s.box, exporters.Logs); a.Delivered != 4 {
		t.Errorf("%s", a)
	}
}

// What a backend asks to wait holds for its next batches and for all signals.
func TestBackendIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"http", "grpc"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			r := start(t, oteltest.Options{})
			r.Fail(oteltest.Fault{
				Status: 429, Header: map[string]string{"Retry-After": "600"},
				Code: grpccodes.ResourceExhausted, RetryDelay: 10 * time.Minute,
			})
			s := newSource(t, to(endpoints(r)[protocol]))
			_, span := s.tracers.Tracer("t").Start(t.Context(), "0")
			span.End()
			if err := s.tracers.ForceFlush(t.Context()); err == nil {
				t.Error("flush says nothing")
			}
			r.Heal()
			s.items(1, 50, 0)
			for range 3 {
				// Waiting would not help, so none of them waits.
				if err := errors.Join(s.tracers.ForceFlush(t.Context())); err == nil {
					t.Error("flush says nothing")
				}
				if err := s.loggers.ForceFlush(t.Context()); err == nil {
					t.Error("flush of another signal says nothing")
				}
			}
			if n := len(r.Requests()); n != 1 {
				t.Errorf("%d requests, want one in ten minutes", n)
			}
			if a := account(t, s.box, exporters.Traces); a.Pending != 50 {
				t.Errorf("%s", a)
			}
		})
	}
}

// A backend that takes one request in three gets everything once.
func TestStormOfRefusals(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"http", "grpc"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			r := start(t, oteltest.Options{})
			var n atomic.Int64
			r.Fail(oteltest.Fault{Status: 429, Code: grpccodes.ResourceExhausted, Only: func(oteltest.Request) bool { return n.Add(1)%3 != 0 }})
			s := newSource(t, to(endpoints(r)[protocol]))
			for i := 0; i < 200; i += 20 {
				s.items(i, i+20, 0)
				_ = s.box.Flush(t.Context())
			}
			if err := s.close(t.Context()); err != nil {
				t.Error(err)
			}
			if again := s.balance(t, 200, r); again != 0 {
				t.Errorf("%d arrived again", again)
			}
		})
	}
}

func TestPartialSuccessIsCounted(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"http", "grpc"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			r := start(t, oteltest.Options{})
			r.Fail(oteltest.Fault{Rejected: 3, Message: "too old"})
			s := newSource(t, to(endpoints(r)[protocol]))
			s.items(0, 10, 0)
			if err := s.close(t.Context()); err == nil || strings.Count(err.Error(), "rejected 3") != 3 || !strings.Contains(err.Error(), "too old") {
				t.Errorf("close: %v", err)
			}
			for _, signal := range everySignal {
				if a := account(t, s.box, signal); a.Delivered != 7 || a.Dropped["rejected"] != 3 || a.Err == nil {
					t.Errorf("%+v", a)
				}
			}
		})
	}
}

// A backend that never answers holds up nobody but its own telemetry. That this
// test ends shows it: every wait is for an hour.
func TestBackendHangs(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"http", "grpc"} {
		for _, dir := range []string{"", "spool"} {
			t.Run(protocol+" "+dir, func(t *testing.T) {
				t.Parallel()
				r := start(t, oteltest.Options{})
				r.Fail(oteltest.Fault{Hang: true})
				e := endpoints(r)[protocol]
				e.Timeout = time.Hour
				o := to(e)
				o.Spans.Delay, o.Records.Delay = time.Hour, time.Hour
				if dir != "" {
					o.Dir = filepath.Join(t.TempDir(), dir)
				}
				s := newSource(t, o)
				s.items(0, 5000, 0)
				a := account(t, s.box, exporters.Traces)
				if a.Created != 5000 || a.Delivered != 0 {
					t.Errorf("%s", a)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				if err := s.box.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("flush: %v", err)
				}
				_ = s.close(ctx)
				s.balance(t, 5000)
			})
		}
	}
}
