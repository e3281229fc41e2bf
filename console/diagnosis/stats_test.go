package diagnosis

import (
	"encoding/binary"
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
