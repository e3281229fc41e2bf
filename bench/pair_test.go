package main

import "testing"

func TestBoundIsMissedWhenBestAndMedianMissIt(t *testing.T) {
	even := result{ours: 100, other: 100, median: 1}
	for name, test := range map[string]struct {
		bound  bound
		result result
		missed bool
	}{
		"nothing is asked":          {bound{}, result{ours: 900, other: 100, median: 9, allocs: 9}, false},
		"within the ratio":          {thin(), result{ours: 105, other: 100, median: 1.05}, false},
		"both ratios beyond":        {thin(), result{ours: 106, other: 100, median: 1.06}, true},
		"only the best beyond":      {thin(), result{ours: 106, other: 100, median: 1.01}, false},
		"only the median beyond":    {thin(), result{ours: 101, other: 100, median: 1.20}, false},
		"equality with its noise":   {notSlower(), result{ours: 102, other: 100, median: 1.02}, false},
		"slower beyond noise":       {notSlower(), result{ours: 103, other: 100, median: 1.03}, true},
		"within the difference":     {plus(1), result{ours: 2.9, other: 2, median: 1.45, medianExtra: 0.9}, false},
		"both differences beyond":   {plus(1), result{ours: 3.1, other: 2, median: 1.55, medianExtra: 1.1}, true},
		"one allocation more":       {thin(), with(even, 4, 3), true},
		"as many allocations":       {thin(), with(even, 3, 3), false},
		"allocations not asked":     {notSlower(), with(even, 4, 3), false},
		"noise of other goroutines": {thin(), with(even, 3.04, 3), false},
		"a map that grew otherwise": {thin(), with(even, 2010, 2000), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.bound.missed(test.result); got != test.missed {
				t.Errorf("missed = %t, want %t", got, test.missed)
			}
		})
	}
}

func with(r result, allocs, otherAllocs float64) result {
	r.allocs, r.otherAllocs = allocs, otherAllocs
	return r
}

func TestMeasureTellsMoreWorkAndAllocationsApart(t *testing.T) {
	var kept []byte
	once := func(n int) {
		for range n {
			kept = make([]byte, 64)
		}
	}
	thrice := func(n int) {
		once(n)
		once(n)
		once(n)
	}
	r := measure(pair{ours: thrice, other: once})
	if r.ratio() <= 1 || r.median <= 1 {
		t.Errorf("three times the work takes %.2f, in the median %.2f times as long", r.ratio(), r.median)
	}
	if more := r.allocs - r.otherAllocs; more < 1.9 || more > 2.1 {
		t.Errorf("allocations more = %.2f, want 2", more)
	}
	_ = kept
}

func TestCalibrateFillsABatch(t *testing.T) {
	calls := 0
	n := calibrate(func(n int) {
		for range n {
			calls++
		}
	})
	if n < 1000 {
		t.Errorf("%d increments are said to fill %v", n, batchTime)
	}
}
