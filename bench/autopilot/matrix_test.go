package autopilot

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelmon/otelmon-go/bulk"
	"github.com/otelmon/otelmon-go/internal/simulate"
)

// server serves calls in virtual time and counts them.
type server struct {
	mu       sync.Mutex
	backend  simulate.Backend
	rnd      *rand.Rand
	start    time.Time
	inFlight int

	good, calls, refused int
}

func newServer(s simulate.Scenario, seed uint64) *server {
	return &server{backend: s.Backend(), rnd: rand.New(rand.NewPCG(seed, 42)), start: time.Now()}
}

func (s *server) call() (took time.Duration, refused bool) {
	s.mu.Lock()
	s.inFlight++
	took, refused = s.backend.Serve(s.inFlight, 1, time.Since(s.start), s.rnd)
	s.mu.Unlock()
	time.Sleep(took) //nolint:forbidigo // virtual time
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight--
	switch {
	case time.Since(s.start) > simulate.Length:
	case refused:
		s.calls++
		s.refused++
	default:
		s.calls++
		s.good++
	}
	return took, refused
}

var errBusy = errors.New("429")

// ours is bulk.Run as it is.
func ours(s *server) {
	ctx, cancel := context.WithTimeout(context.Background(), simulate.Length)
	defer cancel()
	endless := func(yield func(int) bool) {
		for yield(0) {
		}
	}
	_, _ = bulk.Run(ctx, "simulation", endless, func(context.Context, []int) error {
		if _, refused := s.call(); refused {
			return bulk.Overload(errBusy, 0)
		}
		return nil
	}, bulk.Workers(bulk.Auto(1, most)))
}

// theirs is the loop that a limiter needs. What was refused keeps its slot for a
// while, as with ours.
func theirs(l limiter) func(s *server) {
	return func(s *server) {
		var calls sync.WaitGroup
		var mu sync.Mutex
		inFlight := 0
		wake := make(chan struct{}, 1)
		for time.Since(s.start) < simulate.Length {
			mu.Lock()
			done, ok := l.admit(inFlight)
			if !ok {
				mu.Unlock()
				select {
				case <-wake:
				case <-time.After(simulate.Length - time.Since(s.start) + 1):
				}
				continue
			}
			inFlight++
			mine := inFlight
			mu.Unlock()
			calls.Go(func() {
				took, refused := s.call()
				if refused {
					time.Sleep(time.Duration(100+rand.IntN(100)) * time.Millisecond) //nolint:forbidigo // virtual time
				}
				mu.Lock()
				done(sample{time.Since(s.start), took, mine, refused})
				inFlight--
				mu.Unlock()
				select {
				case wake <- struct{}{}:
				default:
				}
			})
		}
		calls.Wait()
	}
}

// TestRivals prints what each gets done, in percent of the best fixed number.
func TestRivals(t *testing.T) {
	if os.Getenv("SIMULATE") == "" {
		t.Skip("takes minutes: make simulate")
	}
	rivals := []struct {
		name string
		make func(seed uint64) func(*server)
	}{
		{"fixed 16", func(uint64) func(*server) { return theirs(ruled{fixed(16)}) }},
		{"AIMD", func(uint64) func(*server) { return theirs(ruled{&aimd{n: first}}) }},
		{"Vegas", func(uint64) func(*server) { return theirs(ruled{&windowed{rule: &vegas{n: first}}}) }},
		{"Gradient2", func(uint64) func(*server) { return theirs(ruled{&windowed{rule: &gradient{n: first}}}) }},
		{"failsafe-go", func(uint64) func(*server) { return theirs(newFailsafe()) }},
		{".NET climbing", func(seed uint64) func(*server) { return theirs(ruled{newClimbing(seed)}) }},
		{"bulk.Run", func(uint64) func(*server) { return ours }},
	}
	header := fmt.Sprintf("%-30s", "")
	for _, r := range rivals {
		header += fmt.Sprintf("%14s", r.name)
	}
	t.Log(header)
	sums, worst := make([]float64, len(rivals)), make([]float64, len(rivals))
	rows := 0
	for _, s := range simulate.Scenarios() {
		if s.Batch > 1 || s.Jobs > 1 || s.Source > 0 || s.Failing > 0 {
			continue // the rivals know nothing of that
		}
		best := 0.0
		for _, b := range s.Oracle() {
			best += b
		}
		row := fmt.Sprintf("%-30s", s.Name)
		for i, r := range rivals {
			share, refused := 0.0, 0.0
			const seeds = 3
			for seed := range uint64(seeds) {
				synctest.Test(t, func(*testing.T) {
					server := newServer(s, seed+1)
					r.make(seed + 1)(server)
					share += 100 * float64(server.good) / best / seeds
					refused += 100 * float64(server.refused) / float64(max(server.calls, 1)) / seeds
				})
			}
			cell := fmt.Sprintf("%.0f", share)
			if refused >= .05 {
				cell += fmt.Sprintf(" (%.1f)", refused)
			}
			row += fmt.Sprintf("%14s", cell)
			sums[i] += share
			if rows == 0 || share < worst[i] {
				worst[i] = share
			}
		}
		rows++
		t.Log(row)
	}
	mean, least := fmt.Sprintf("%-30s", "mean"), fmt.Sprintf("%-30s", "worst")
	for i := range rivals {
		mean += fmt.Sprintf("%14.1f", sums[i]/float64(rows))
		least += fmt.Sprintf("%14.0f", worst[i])
	}
	t.Log(mean + "\n" + least + "\n" + strings.TrimSpace("in brackets the percentage of calls that were refused"))
	if ours := sums[len(sums)-1] / float64(rows); ours < 95 {
		t.Errorf("bulk.Run gets %.1f%% done on average, want 95%%", ours)
	}
}
