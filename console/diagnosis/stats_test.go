package diagnosis

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"go.opentelemetry.io/otel/trace"
)

func TestNthIsWhatSortingFinds(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		v := make([]float64, 1+rng.IntN(300))
		for i := range v {
			v[i] = float64(rng.IntN(1 + rng.IntN(500))) // few or many equal ones
		}
		q := rng.Float64()
		want := slices.Sorted(slices.Values(v))[int(q*float64(len(v)-1)+0.5)]
		if got := nth(v, q); got != want {
			t.Fatalf("quantile %v of %d values is %v, want %v", q, len(v), got, want)
		}
	}
}

func TestIndexFindsIdsOfAnySort(t *testing.T) {
	for name, id := range map[string]func(i uint64) uint64{
		"random":     func(uint64) uint64 { return rand.Uint64() | 1 },
		"counted":    func(i uint64) uint64 { return i + 1 },
		"high bytes": func(i uint64) uint64 { return (i + 1) << 40 },
	} {
		x := newIndex(10) // far too few
		spans := []span{}
		for i := range uint64(5000) {
			var s span
			binary.BigEndian.PutUint64(s.id[:], id(i))
			slot, _ := x.slot(spans, s.id)
			spans = append(spans, s)
			x.put(spans, slot)
		}
		for i := range spans {
			if _, at := x.slot(spans, spans[i].id); at != int32(i) {
				t.Fatalf("%s: span %d is found at %d", name, i, at)
			}
		}
		if _, at := x.slot(spans, trace.SpanID{}); at != -1 {
			t.Errorf("%s: no id is found at %d", name, at)
		}
	}
}

func TestGrowthIsOfOneSort(t *testing.T) {
	levels := func(v ...float64) (list []float64) {
		for _, x := range v {
			list = append(list, series(run{6, x})...)
		}
		return list
	}
	for name, c := range map[string]struct {
		v     []float64
		found bool
	}{
		"two minutes":             {climb(24, 10, 140), true},
		"less":                    {climb(23, 10, 140), false},
		"steady":                  {levels(10, 40, 70, 100, 130), true},
		"rests in between":        {levels(10, 50, 50, 90, 130), true},
		"rests for long":          {levels(10, 70, 72, 74, 134), false},
		"has come to rest":        {levels(10, 50, 90, 130, 130), false},
		"falls in between":        {levels(10, 60, 40, 90, 140), false},
		"half as much again":      {levels(100, 115, 130, 145, 160), true},
		"less than half":          {levels(100, 112, 124, 136, 148), false},
		"too little":              {levels(1, 5, 10, 15, 20), false},
		"beyond what was before":  {append(series(run{40, 200}), climb(60, 10, 400)...), true},
		"up to what there was":    {append(series(run{40, 200}), climb(60, 10, 180)...), false},
		"of the last two minutes": {append(series(run{72, 10}), climb(24, 10, 140)...), true},
	} {
		if got := grows(c.v, 20); got.found != c.found {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestGrowthIsToldFromNoise draws series of eight to twelve minutes by the
// thousand, since a rule about noise is right so and so often, not once.
func TestGrowthIsToldFromNoise(t *testing.T) {
	noisy := func(rng *rand.Rand, v, share float64) float64 { return v * (1 - share + 2*share*rng.Float64()) }
	for name, c := range map[string]struct {
		least, most float64 // of those in which growth is found
		value       func(rng *rand.Rand, begin int) func(i int) float64
	}{
		"a queue fills": {0.999, 1, func(rng *rand.Rand, begin int) func(int) float64 {
			base, rate := 20*rng.Float64(), 2.5+10*rng.Float64()
			return func(i int) float64 { return noisy(rng, base+rate*float64(max(0, i-begin)), 0.2) }
		}},
		"a queue fills, in spikes": {0.99, 1, func(rng *rand.Rand, begin int) func(int) float64 {
			return func(i int) float64 {
				v := noisy(rng, 20+5*float64(max(0, i-begin)), 0.2)
				if rng.IntN(20) == 0 {
					v *= 3
				}
				return v
			}
		}},
		"nothing changes": {0, 0, func(rng *rand.Rand, _ int) func(int) float64 {
			return func(int) float64 { return noisy(rng, 800, 0.2) }
		}},
		"a level is reached": {0, 0.01, func(rng *rand.Rand, begin int) func(int) float64 {
			return func(i int) float64 {
				if i < begin {
					return noisy(rng, 40, 0.2)
				}
				return noisy(rng, 200, 0.2)
			}
		}},
		"filled and emptied each minute": {0, 0, func(rng *rand.Rand, _ int) func(int) float64 {
			return func(i int) float64 { return noisy(rng, 50, 0.2) + float64(40*(i%12)) }
		}},
		"comes to rest after a minute": {0, 0.05, func(rng *rand.Rand, begin int) func(int) float64 {
			return func(i int) float64 {
				return noisy(rng, 40+300*(1-math.Exp(-float64(max(0, i-begin/2))/12)), 0.05)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			const runs = 2000
			rng, found := rand.New(rand.NewPCG(1, 1)), 0
			for range runs {
				n := 96 + rng.IntN(48)
				value := c.value(rng, min(n*(40+rng.IntN(40))/100, n-40-rng.IntN(12)))
				v := make([]float64, n)
				for i := range v {
					v[i] = value(i)
				}
				if grows(v, 20).found {
					found++
				}
			}
			if share := float64(found) / runs; share < c.least || share > c.most {
				t.Errorf("growth is found in %.2f %%, want %.1f to %.1f", 100*share, 100*c.least, 100*c.most)
			}
		})
	}
}
