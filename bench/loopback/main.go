// Command loopback lets bulk.Run find the number of workers for real HTTP servers
// on this machine, one that contends, one that limits the rate, and one that gets
// slower on the way, and compares with fixed numbers:
//
//	go run ./loopback          half a minute for each number and server
//	go run ./loopback 5s       quicker, and worse for the search
//
// It exits with 1 if a search gets less than 85 % of the best fixed number done.
// The times are real, so a busy machine disturbs it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/otelmon/otelmon-go/bulk"
)

func main() {
	length := 30 * time.Second
	if len(os.Args) > 1 {
		var err error
		if length, err = time.ParseDuration(os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2) //nolint:forbidigo // this is func main
		}
	}
	if err := compare(context.Background(), os.Stdout, length); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is func main
	}
}

const (
	most = 128
	goal = 0.85
)

func compare(ctx context.Context, out io.Writer, length time.Duration) error {
	var faults []error
	for _, s := range []struct {
		name    string
		handler func() http.HandlerFunc
	}{
		{"contention", contention},
		{"rate limit", limit},
		{"latency step", func() http.HandlerFunc { return step(length / 2) }},
	} {
		best := int64(0)
		fmt.Fprintf(out, "%-14s", s.name)
		for _, n := range []int{4, 16, 32, 64, most} {
			done, _ := load(ctx, s.handler(), length, bulk.Workers(n))
			fmt.Fprintf(out, "  %d: %d", n, done)
			best = max(best, done)
		}
		done, report := load(ctx, s.handler(), length, bulk.Workers(bulk.Auto(1, most)))
		share := float64(done) / float64(best)
		fmt.Fprintf(out, "  search: %d = %.0f%%, %d workers at the end, %d refused\n", done, 100*share, report.Concurrency, report.Throttles)
		if share < goal {
			faults = append(faults, fmt.Errorf("%s: %.0f%% of the best fixed number, want %.0f%%", s.name, 100*share, 100*goal))
		}
	}
	return errors.Join(faults...)
}

// load posts to a server for a while and returns how many answers were good.
func load(ctx context.Context, handler http.HandlerFunc, length time.Duration, workers bulk.Option) (int64, bulk.Report) {
	server := httptest.NewServer(handler)
	defer server.Close()
	transport := &http.Transport{MaxIdleConnsPerHost: most}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport}
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	endless := func(yield func(int) bool) {
		for yield(0) {
		}
	}
	report, _ := bulk.Run(ctx, "loopback", endless, bulk.One(func(ctx context.Context, _ int) error {
		return post(ctx, client, server.URL)
	}), workers, bulk.ErrorBudget(1))
	return report.OK, report
}

var errBusy = errors.New("429 Too Many Requests")

func post(ctx context.Context, client http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusTooManyRequests {
		return bulk.Overload(errBusy, 0)
	}
	return nil
}

// contention gets slower by each call that is under way: the best is 28 at once.
func contention() http.HandlerFunc {
	var inside atomic.Int64
	return func(_ http.ResponseWriter, req *http.Request) {
		n := float64(inside.Add(1))
		defer inside.Add(-1)
		wait(req, time.Duration(50e6*(1+.03*(n-1)+.0012*n*(n-1))))
	}
}

// limit refuses what comes faster than 200 a second.
func limit() http.HandlerFunc {
	limiter := rate.NewLimiter(200, 20)
	return func(w http.ResponseWriter, req *http.Request) {
		if !limiter.Allow() {
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		wait(req, 80*time.Millisecond)
	}
}

// step has 32 servers, and an answer takes 100 ms more after a while, on the
// way alone.
func step(after time.Duration) http.HandlerFunc {
	servers, start := make(chan struct{}, 32), time.Now()
	var once sync.Once
	return func(_ http.ResponseWriter, req *http.Request) {
		once.Do(func() { start = time.Now() })
		servers <- struct{}{}
		wait(req, 80*time.Millisecond)
		<-servers
		if time.Since(start) > after {
			wait(req, 100*time.Millisecond)
		}
	}
}

func wait(req *http.Request, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-req.Context().Done():
	}
}
