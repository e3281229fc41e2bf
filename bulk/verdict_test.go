package bulk

import "testing"

func TestVerdictOfAControlledRun(t *testing.T) {
	curve := evidence{limit: 47, sigma: 0.03, kappa: 0.0004, peak: 49}
	with := func(e evidence, change func(*evidence)) *evidence {
		change(&e)
		return &e
	}
	for name, tt := range map[string]struct {
		e     *evidence
		limit Limit
		text  string
	}{
		"no controller": {nil, "", ""},
		"nothing known": {&evidence{limit: 4}, "", ""},
		"rate limit, whatever else": {
			with(curve, func(e *evidence) { e.refused, e.cap, e.cpu = 0.004, 400, true }),
			LimitRate, "the backend's rate limit: it takes 400/s and refused 0.4% of the calls lately",
		},
		"a slow producer": {
			with(curve, func(e *evidence) { e.starving = 0.8 }),
			LimitReader, "the reader: workers wait for it 80% of the time",
		},
		"no CPU left": {with(curve, func(e *evidence) { e.cpu = true }), LimitCPU, "the CPU of this process: all of it is in use"},
		"at the peak": {
			&curve, LimitContention,
			"contention in the backend (sigma 3%): throughput peaks at 49 workers, now 47; more would not help",
		},
		"far below the peak":   {with(curve, func(e *evidence) { e.limit = 20 }), "", ""},
		"held by the caller":   {&evidence{limit: 8, maxLimit: 8}, LimitWorkers, "the number of workers: all 8 that are allowed are at work, and more would help"},
		"held but at its peak": {with(curve, func(e *evidence) { e.maxLimit = 47 }), LimitContention, "contention in the backend (sigma 3%): throughput peaks at 49 workers, now 47; more would not help"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tt.e.verdict(); got.Limit != tt.limit || got.Sentence != tt.text {
				t.Errorf("verdict = %+v, want %q: %s", got, tt.limit, tt.text)
			}
		})
	}
}
