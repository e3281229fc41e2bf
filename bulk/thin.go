package bulk

import "time"

// maxSamples keeps span events far enough below the 128 that SDKs allow, beyond
// which they drop the oldest.
const maxSamples = 96

// sample is the state of an operation at one moment.
type sample struct {
	at   time.Time
	done counts
}

// thinner keeps at most maxSamples of any number of samples, evenly spread over
// all of them: when it is full it drops every second one and from then on
// takes only every second of those it would have taken.
type thinner[T any] struct {
	seen, stride int
	kept         []T
}

func (t *thinner[T]) add(s T) {
	t.stride = max(t.stride, 1)
	i := t.seen
	t.seen++
	if i%t.stride != 0 {
		return
	}
	if len(t.kept) == maxSamples {
		t.halve()
		if i%t.stride != 0 {
			return
		}
	}
	t.kept = append(t.kept, s)
}

func (t *thinner[T]) halve() {
	for i := range maxSamples / 2 {
		t.kept[i] = t.kept[2*i]
	}
	t.kept = t.kept[:maxSamples/2]
	t.stride *= 2
}
