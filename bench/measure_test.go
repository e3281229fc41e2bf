package main

import "testing"

func TestResultIsTheBestBatchAndTheOneThatAQuarterBeats(t *testing.T) {
	s := samples{
		ours:  []float64{12, 30, 11, 14, 90},
		other: []float64{10, 8, 9, 20, 40},
	}
	r := s.result()
	want := result{ours: 11, other: 8, oursUsual: 12, otherUsual: 9}
	if r != want {
		t.Errorf("result = %+v, want %+v", r, want)
	}
}

func TestAllocationsCountsObjectsAndBytesOfACall(t *testing.T) {
	var kept *[64]byte
	objects, bytes := allocations(func(n int) {
		for range n {
			kept = new([64]byte)
		}
	}, 1000)
	if objects < 1 || objects > 1+allocNoise || bytes < 64 || bytes > 80 {
		t.Errorf("%.2f objects and %.1f bytes a call, want 1 and 64", objects, bytes)
	}
	_ = kept
}
