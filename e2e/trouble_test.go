package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	otelmetric "go.opentelemetry.io/otel/metric"

	"github.com/otelmon/otelmon-go/bulk"
	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/health/alert"
	"github.com/otelmon/otelmon-go/otelmon"
)

const (
	troubled    = "troubled"
	troubledJob = "e2e/troubled" // as Prometheus calls it, which has a namespace
)

// troubledRole is a service in which everything fails that has a place on a
// dashboard.
func troubledRole(ctx context.Context) (err error) {
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }))
	defer refusing.Close()
	nobody := httptest.NewServer(nil)
	nobody.Close()
	m, err := otelmon.Start(ctx, otelmon.Config{
		Service: troubled, LogOutput: io.Discard, Mirrors: []exporters.Destination{
			named("refusing", exporters.Endpoint{URL: refusing.URL}), named("gone", exporters.Endpoint{URL: nobody.URL}),
		},
	})
	if err != nil {
		return err
	}
	defer func() {
		patience, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = m.Shutdown(patience) // what the mirrors did not take is lost
	}()
	broken := errors.New("the callback fails")
	if _, err := otel.Meter(troubled).Int64ObservableGauge("troubled.gauge", otelmetric.WithInt64Callback(
		func(context.Context, otelmetric.Int64Observer) error { return broken })); err != nil {
		return err
	}
	checks, err := troubledChecks()
	if err == nil {
		err = checks.Start(ctx)
	}
	if err != nil {
		return err
	}
	alerts, err := alert.Start(ctx, checks, alert.Options{Hold: time.Second, Service: troubled, Receivers: []alert.Receiver{alert.Webhook(nobody.URL)}})
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	all.Go(func() { troubledRequests(ctx, m) })
	all.Go(func() { troubledOperations(ctx) })
	all.Wait()
	return errors.Join(ignoring(checks.Shutdown(context.Background())), ignoring(alerts.Shutdown(ctx)))
}

// ignoring what could not be told to nobody.
func ignoring(error) error { return nil }

func named(name string, e exporters.Endpoint) exporters.Destination {
	d := exporters.To(e)
	d.Name = name
	return d
}

// troubledChecks fail, because of each other or by themselves, flap and are slow.
func troubledChecks() (*health.Registry, error) {
	r := health.New(health.Options{})
	var calls atomic.Int64
	refused := errors.New("connection refused")
	var errs []error
	for _, c := range []health.Check{
		{Name: "postgres", Critical: true, Func: func(context.Context) error { return refused }},
		{Name: "orders", DependsOn: []string{"postgres"}, Func: func(context.Context) error { return errors.New("no orders") }},
		{Name: "cache", Func: func(context.Context) error { return health.Degraded(errors.New("half of it is gone")) }},
		{Name: "moody", Func: func(context.Context) error {
			if calls.Add(1)%4 < 2 {
				return refused
			}
			return nil
		}},
		{Name: "slow", Timeout: 50 * time.Millisecond, Func: func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}},
	} {
		c.Interval = 200 * time.Millisecond
		errs = append(errs, r.Register(c))
	}
	return r, errors.Join(errs...)
}

// troubledRequests are answered badly.
func troubledRequests(ctx context.Context, m *otelmon.Monitor) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		ctx, end := otelmon.Begin(r.Context(), "troubled.order")
		err := fmt.Errorf("order %s: %w", r.PathValue("id"), io.ErrUnexpectedEOF)
		defer end(&err)
		m.Logger().ErrorContext(ctx, err.Error())
		http.Error(w, "no", http.StatusInternalServerError)
	})
	server := httptest.NewServer(otelmon.Handler(mux))
	defer server.Close()
	client := &http.Client{Transport: otelmon.Transport(nil)}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/orders/%d", server.URL, n), http.NoBody)
		if err != nil {
			return
		}
		if res, err := client.Do(req); err == nil {
			_ = res.Body.Close()
		}
	}
}

// troubledOperations are one that ends at once, and one that goes on until ctx
// ends: some of its items fail, are tried again and are refused.
func troubledOperations(ctx context.Context) {
	refused := errors.New("too many requests")
	once := func(ctx context.Context, items []int) error { return errors.New("duplicate key") }
	_, _ = bulk.Run(ctx, "troubled.short", endless(ctx, 50), once)
	var batches atomic.Int64
	work := func(ctx context.Context, items []int) error {
		defer bulk.From(ctx).Stage("write").Enter()()
		pause(ctx, 20*time.Millisecond)
		if batches.Add(1)%20 == 0 {
			return bulk.Overload(refused, 100*time.Millisecond)
		}
		var failed bulk.ItemErrors
		for i, n := range items {
			if n%10 == 0 {
				failed = append(failed, bulk.ItemError{Index: i, Err: io.ErrUnexpectedEOF})
			}
		}
		bulk.From(ctx).Bytes(100 * len(items))
		return failed
	}
	_, _ = bulk.Run(ctx, "troubled.load", endless(ctx, 1_000_000), work,
		bulk.Total(1_000_000), bulk.Workers(bulk.Auto(1, 8)), bulk.Batch(bulk.Auto(1, 50)), bulk.Retry(2), bulk.ErrorBudget(1))
}

func endless(ctx context.Context, n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if ctx.Err() != nil || !yield(i) {
				return
			}
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
