package exporters_test

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

// What an outage pushes out is exactly what the account says is lost.
func TestOutageLongerThanTheRoom(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{exporters.ProtocolHTTP, exporters.ProtocolGRPC} {
		for _, dir := range []string{"", "spool"} {
			t.Run(fmt.Sprint(protocol, " ", dir), func(t *testing.T) {
				t.Parallel()
				at := listening(t)
				e := httpAt(at)
				if protocol == exporters.ProtocolGRPC {
					e = exporters.Endpoint{URL: "http://" + at.GRPCAddr, Protocol: protocol}
				}
				o := to(e)
				o.MaxMemory = 64 << 10
				o.Spans.Largest, o.Records.Largest = 20, 20 // a request has room
				if dir != "" {
					o.Dir, o.MaxBytes = filepath.Join(t.TempDir(), dir), 64<<10
				}
				s := newSource(t, o)
				const n = 1000
				for i := 0; i < n; i += 20 {
					s.items(i, i+20, 1)
					_ = s.box.Flush(done()) // makes a request of them
				}
				r := start(t, at)
				if err := s.close(t.Context()); err == nil || !strings.Contains(err.Error(), "evicted") {
					t.Errorf("close: %v", err)
				}
				if again := s.balance(t, n, r); again != 0 {
					t.Errorf("%d arrived again", again)
				}
				for _, signal := range everySignal {
					a := account(t, s.box, signal)
					if a.Dropped["evicted"] == 0 || a.Lost() != a.Dropped["evicted"] || a.Delivered == 0 || a.Pending != 0 {
						t.Errorf("%s", a)
					}
				}
			})
		}
	}
}

// What is older than the limit is dropped and counted.
func TestOutageLongerThanTheAge(t *testing.T) {
	at := listening(t)
	begin, began := make(chan struct{}), make(chan struct{})
	var r *oteltest.Receiver
	go func() { // outside of the bubble, whose time a server would hold up
		defer close(began)
		<-begin
		r, _ = oteltest.Start(at)
	}()
	dir := filepath.Join(t.TempDir(), "spool")
	synctest.Test(t, func(t *testing.T) {
		o := to(httpAt(at))
		o.Dir, o.MaxAge = dir, time.Hour
		s := newSource(t, o)
		s.items(0, 30, 0)
		_ = s.box.Flush(t.Context())
		<-time.After(2 * time.Hour)
		s.items(30, 50, 0)
		_ = s.box.Flush(t.Context())
		close(begin)
		<-began
		if r == nil {
			t.Fatal("no receiver")
		}
		_ = s.close(t.Context())
		s.balance(t, 50, r)
		for _, signal := range everySignal {
			// What is being tried when it gets too old is not lost yet.
			if a := account(t, s.box, signal); a.Lost() != a.Dropped["expired"] || a.Delivered+a.Lost() != 50 || a.Delivered < 20 {
				t.Errorf("%s", a)
			}
		}
	})
	r.Close()
}

// A clock that is set leaves what waits alone: ages are told by one that can't be.
// What is in memory has no age at all.
func TestLongOutageInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := to(exporters.Endpoint{URL: "http://" + listening(t).HTTPAddr})
		o.MaxAge = time.Hour
		s := newSource(t, o)
		s.items(0, 30, 0)
		<-time.After(10 * time.Hour)
		for _, signal := range everySignal {
			if a := account(t, s.box, signal); a.Pending != 30 || time.Since(a.Since) < 9*time.Hour {
				t.Errorf("%s since %s", a, a.Since)
			}
		}
		_ = s.close(t.Context())
	})
}

// However large the values, and whoever is away, memory stays bounded.
func TestMemoryUnderHugeValues(t *testing.T) {
	huge := strings.Repeat("x", 1<<20)
	for name, maxValue := range map[string]int{"cut": 0, "whole": 2 << 20} {
		t.Run(name, func(t *testing.T) {
			o := to(exporters.Endpoint{URL: "http://" + silent(t), Timeout: time.Hour})
			o.MaxValue, o.MaxMemory = maxValue, 16<<20
			s := newSource(t, o)
			before := heap()
			logger := s.loggers.Logger("test")
			for i := range 200 {
				emit(logger, fmt.Sprint(i, huge))
			}
			// The queue, what waits, what is on its way, and a batch being encoded.
			if used := heap() - before; used > 80<<20 {
				t.Errorf("%d MiB are in use", used>>20)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			_ = s.close(ctx)
			if a := account(t, s.box, exporters.Logs); a.Created != 200 || a.Lost() != 200 {
				t.Errorf("%s", a)
			}
		})
	}
}

// heap is the least of some readings: what others make and drop meanwhile is in
// each of them.
func heap() int64 {
	least := uint64(math.MaxInt64)
	for range 5 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		least = min(least, m.HeapAlloc)
	}
	return int64(least) //nolint:gosec // far below the largest number
}
