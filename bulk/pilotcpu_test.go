package bulk

import (
	"context"
	"math"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelmon/otelmon-go/internal/keys"
)

const second = time.Second

func TestShareOfTheCPU(t *testing.T) {
	all := time.Duration(runtime.GOMAXPROCS(0))
	used := 7 * time.Second // before
	share := shareOf(func() time.Duration { return used })
	for i, tt := range []struct {
		used time.Duration // since the last
		now  time.Duration
		want float64
	}{
		{all * time.Second, time.Second, 1},
		{0, 2 * time.Second, 0},
		{all * time.Second, 4 * time.Second, 0.5},
	} {
		used += tt.used
		if got := share(tt.now); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%d: share = %v, want %v", i, got, tt.want)
		}
	}
}

func TestNoSearchWhileTheCPUIsUsedUp(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		share func(now time.Duration) float64
		most  int // workers at once
		limit Limit
		told  string
	}{
		"used up":        {func(time.Duration) float64 { return 0.95 }, 8, LimitCPU, "the CPU is used up: no search"},
		"half used":      {func(time.Duration) float64 { return 0.5 }, 32, LimitWorkers, "doubling workers"},
		"used up by now": {func(now time.Duration) float64 { return map[bool]float64{true: 0.95}[now > 40*second] }, 32, LimitCPU, "doubling workers"},
		"for a while":    {func(now time.Duration) float64 { return map[bool]float64{true: 0.95}[now < 20*second] }, 32, LimitWorkers, "the CPU is used up: no search"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s sink
				var backend Backend
				p := newProbe()
				backend.join(Auto(1, 32), Limits{1, 1}).cpu = tt.share
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				rep, _ := Run(ctx, "op", numbers(1<<30), func(context.Context, []int) error {
					s.enter()
					defer s.leave()
					time.Sleep(50 * time.Millisecond) //nolint:forbidigo // virtual time
					return nil
				}, &backend, Workers(Auto(1, 32)), p.Providers)
				if s.most > tt.most || tt.most == 32 && s.most < 32 {
					t.Errorf("%d workers at once, want %d", s.most, tt.most)
				}
				if rep.Verdict.Limit != tt.limit {
					t.Errorf("verdict = %+v, want %s", rep.Verdict, tt.limit)
				}
				told := p.logs.named(keys.EventBulkLimitChanged)
				if len(told) == 0 || !strings.HasPrefix(attr(attrsOf(told[0]), keys.BulkLimitReason), tt.told) {
					t.Errorf("decisions: %v", told)
				}
				if name == "used up" && len(told) != 1 {
					t.Errorf("%d decisions without CPU, want the one to rest", len(told))
				}
			})
		})
	}
}

func TestNoProbeIsLeftWhenTheCPURunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pilot := newPilot(Auto(1, 32), Limits{1, 1})
		full := false
		pilot.cpu = func(time.Duration) float64 { return map[bool]float64{true: 1}[full] }
		at, rest := 0.0, 0
		for range 400 {
			time.Sleep(second / 10) //nolint:forbidigo // virtual time
			for range 40 {
				pilot.done(time.Now(), call{took: second / 100, items: 1})
			}
			pilot.mu.Lock()
			if pilot.state == probing && !full {
				full, at = true, pilot.axes[workers].at
			} else if full && pilot.idle {
				if rest++; float64(pilot.axes[workers].set) != math.Round(at) {
					t.Fatalf("%d workers while the CPU is used up, want the %.0f that were best", pilot.axes[workers].set, at)
				}
			}
			pilot.mu.Unlock()
		}
		if rest == 0 {
			t.Error("the search never rested")
		}
	})
}
