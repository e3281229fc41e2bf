package main

import "testing"

func TestBoundIsMissedWhenBestAndUsualMissIt(t *testing.T) {
	even := result{ours: 100, other: 100, oursUsual: 100, otherUsual: 100}
	for name, test := range map[string]struct {
		bound  bound
		result result
		missed bool
	}{
		"nothing is asked":          {bound{}, result{ours: 900, other: 100, oursUsual: 900, otherUsual: 100, allocs: 9}, false},
		"within the ratio":          {thin(), result{ours: 105, other: 100, oursUsual: 105, otherUsual: 100}, false},
		"both ratios beyond":        {thin(), result{ours: 106, other: 100, oursUsual: 106, otherUsual: 100}, true},
		"only the best beyond":      {thin(), result{ours: 106, other: 100, oursUsual: 101, otherUsual: 100}, false},
		"only the usual beyond":     {thin(), result{ours: 101, other: 100, oursUsual: 120, otherUsual: 100}, false},
		"equality with its noise":   {notSlower(), result{ours: 102, other: 100, oursUsual: 102, otherUsual: 100}, false},
		"slower beyond noise":       {notSlower(), result{ours: 103, other: 100, oursUsual: 103, otherUsual: 100}, true},
		"within the difference":     {plus(1), result{ours: 2.9, other: 2, oursUsual: 2.9, otherUsual: 2}, false},
		"both differences beyond":   {plus(1), result{ours: 3.1, other: 2, oursUsual: 3.1, otherUsual: 2}, true},
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
