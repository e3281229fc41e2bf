package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelmon/otelmon-go/bulk"
	"github.com/otelmon/otelmon-go/console"
	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/health/checkers"
	"github.com/otelmon/otelmon-go/otelmon"
)

const (
	childArgument = "serve-one"
	withConsole   = "with"

	consolePath = "/debug/otelmon/"
	statePath   = "/state"
)

// A request makes spansEach spans, of which queries are such that wait.
const (
	spansEach = 10
	queries   = 3
	queryTime = 5 * time.Millisecond
)

// state is what a process says of itself after a garbage collection.
type state struct {
	Heap       uint64  // bytes in use
	Budget     int     // of the console, in bytes
	Goroutines int     // without the one that asks
	Spans      uint64  // made so far
	CPU        float64 // seconds used so far
}

// app is an application like others: requests with queries, logs and metrics,
// checks, and an operation that runs all the time.
type app struct {
	spans  atomic.Uint64
	served otelmon.Counter
	con    *console.Console // nil without
}

// serveApp is a child: it says on out where it serves, and ends when in does.
func serveApp(ctx context.Context, in io.Reader, out io.Writer, how string) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, in) // it ends with the parent
		cancel()
	}()
	a := &app{served: otelmon.NewCounter("shop.orders", "{order}", "Orders shown.")}
	cfg := otelmon.Config{Service: "soak", LogOutput: io.Discard}
	if how == withConsole {
		a.con = console.New(console.Options{})
		cfg.Taps = []otelmon.Tap{a.con}
	}
	mon, err := otelmon.Start(ctx, cfg)
	defer func() { err = errors.Join(err, mon.Shutdown(context.WithoutCancel(ctx))) }()
	if err != nil {
		return err
	}
	checks := health.New(health.Options{})
	err = errors.Join(
		checks.Register(health.Check{Name: "memory", Func: checkers.Memory(checkers.MemoryOptions{})}),
		checks.Register(health.Check{Name: "database", Func: func(context.Context) error { return nil }, Interval: time.Second}),
		checks.Start(ctx),
	)
	defer func() { err = errors.Join(err, checks.Shutdown(context.WithoutCancel(ctx))) }()
	if err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: a.handler(mon), ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 2)
	go func() { ended <- server.Serve(l) }()
	go func() { ended <- work(ctx) }()
	fmt.Fprintln(out, "http://"+l.Addr().String())
	<-ctx.Done()
	err = server.Close()
	return errors.Join(err, onlyClosed(<-ended), onlyClosed(<-ended))
}

func onlyClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// work is a bulk operation of a hundred items a second.
func work(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range bulk.Chan(ctx, "soak.import", tick.C) {
	}
	return ctx.Err()
}

func (a *app) handler(mon *otelmon.Monitor) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) { a.order(w, r, mon) })
	mux.HandleFunc("GET "+statePath, a.state)
	if a.con != nil {
		mux.Handle(consolePath, a.con.Handler())
	}
	return otelmon.Handler(mux, otelmon.Untraced(consolePath, statePath))
}

// order is a request. One in a hundred fails, as it does elsewhere.
func (a *app) order(w http.ResponseWriter, r *http.Request, mon *otelmon.Monitor) {
	a.spans.Add(spansEach)
	ctx := r.Context()
	for i := range spansEach - 1 {
		a.step(ctx, i)
	}
	a.served.Add(ctx, 1)
	if rand.IntN(100) == 0 {
		mon.Logger().WarnContext(ctx, "an order was not found", "order", r.PathValue("id"))
	}
	fmt.Fprintln(w, "order", r.PathValue("id"))
}

func (a *app) step(ctx context.Context, i int) {
	name := "order.price"
	if i < queries {
		name = "order.query"
	}
	var err error
	_, end := otelmon.Begin(ctx, name, attribute.Int("step", i), attribute.String("shop", "soak"))
	defer end(&err)
	if i < queries {
		<-time.After(queryTime)
	}
	if i == queries && rand.IntN(100) == 0 {
		err = errors.New("the price is not known")
	}
}

func (a *app) state(w http.ResponseWriter, _ *http.Request) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s := state{Heap: m.HeapAlloc, Goroutines: runtime.NumGoroutine() - 1, Spans: a.spans.Load()}
	if a.con != nil {
		s.Budget = a.con.Summary().MaxBytes
	}
	cpu := []metrics.Sample{{Name: "/cpu/classes/total:cpu-seconds"}, {Name: "/cpu/classes/idle:cpu-seconds"}}
	metrics.Read(cpu) // as of the collection
	s.CPU = cpu[0].Value.Float64() - cpu[1].Value.Float64()
	_ = json.NewEncoder(w).Encode(s) // the parent asks again, or gives up
}
