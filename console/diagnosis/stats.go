package diagnosis

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"time"
)

// change is a lasting rise of a series at one of its values.
type change struct {
	found         bool
	at            int     // first value that belongs to after
	before, after float64 // medians, or shares; before is NaN when there is none
}

// The least evidence for a change: values before and after it, and how far the
// two are apart in standard deviations of what chance does.
const (
	leastBefore = 12
	leastAfter  = 6
	leastRank   = 3.4
	leastShare  = 5.0
)

// workspace is memory that is used again from one series to the next.
type workspace struct {
	ratios, values, ranks []float64
	order                 []placed
	keys                  []uint64
	spans                 []*span
}

// placed is a value with its place. They are sorted where they lie side by side.
type placed struct {
	value float64
	at    int
}

func ascending(a, b placed) int {
	switch {
	case a.value < b.value:
		return -1
	case a.value > b.value:
		return 1
	default:
		return 0
	}
}

// sort puts spans in the order of their starts, to the microsecond and from the
// day before now on, which leaves room for their places in the same number.
func (w *workspace) sort(spans []*span, now int64) {
	w.keys, w.spans = w.keys[:0], append(w.spans[:0], spans...)
	width := bits.Len(uint(len(spans)))
	from, most := now-int64(24*time.Hour), int64(1)<<(63-width)-1
	for i, p := range spans {
		since := min(max(p.start-from, 0)/int64(time.Microsecond), most)
		w.keys = append(w.keys, uint64(since)<<width|uint64(i))
	}
	slices.Sort(w.keys)
	for i, key := range w.keys {
		spans[i] = w.spans[key&(1<<width-1)]
	}
}

// rise finds where the level of v rises and stays up: the split at which the
// ranks of the two sides differ most (Mann and Whitney), accepted when the
// median at least doubles and leaves what is usual by six robust deviations.
func (w *workspace) rise(v []float64) change {
	n := len(v)
	best, at := 0.0, 0
	w.rank(v)
	sum, total := 0.0, float64(n)*float64(n+1)/2
	for k := 1; k <= n-leastAfter; k++ {
		sum += w.ranks[k-1]
		if k < leastBefore {
			continue
		}
		before, after := float64(k), float64(n-k)
		u := total - sum - after*float64(n+1)/2
		if z := u / math.Sqrt(before*after*float64(n+1)/12); z > best {
			best, at = z, k
		}
	}
	if best < leastRank {
		return change{}
	}
	c := change{at: at, before: w.median(v[:at]), after: w.median(v[at:])}
	if c.after < 2*c.before {
		return change{}
	}
	recent := w.median(v[n-max(leastAfter, (n-at)/4):])
	// What is usual is left by more than noise is.
	off := 6 * max(w.deviation(v[:at], c.before), math.Abs(c.before)/20)
	c.found = recent-c.before > off
	return c
}

// rank finds the rank of each value, from 1 on, equal ones sharing theirs.
func (w *workspace) rank(v []float64) {
	w.order = w.order[:0]
	for i, x := range v {
		w.order = append(w.order, placed{x, i})
	}
	slices.SortFunc(w.order, ascending)
	w.ranks = slices.Grow(w.ranks[:0], len(v))[:len(v)]
	for i := 0; i < len(w.order); {
		j := i + 1
		for j < len(w.order) && w.order[j].value == w.order[i].value {
			j++
		}
		for _, o := range w.order[i:j] {
			w.ranks[o.at] = float64(i+j+1) / 2
		}
		i = j
	}
}

// rise is that of a workspace, for a series that comes alone.
func rise(v []float64) change { return new(workspace).rise(v) }

// shareRises finds where the share of bad ones among n rises and stays up.
func shareRises(n int, isBad func(i int) bool) change {
	all := 0
	for i := range n {
		if isBad(i) {
			all++
		}
	}
	share := float64(all) / float64(n)
	best, at, was, is, below := 0.0, 0, 0.0, 0.0, 0
	for k := 1; k <= n-leastAfter+1; k++ {
		if isBad(k - 1) {
			below++
		}
		if k < leastBefore {
			continue
		}
		before, after := float64(below)/float64(k), float64(all-below)/float64(n-k)
		if z := (after - before) / math.Sqrt(share*(1-share)*(1/float64(k)+1/float64(n-k))); z > best {
			best, at, was, is = z, k, before, after
		}
	}
	recent := func(at int) float64 {
		from, bad := max(at, n-max(leastAfter, (n-at)/4)), 0
		for i := from; i < n; i++ {
			if isBad(i) {
				bad++
			}
		}
		return float64(bad) / float64(n-from)
	}
	if best >= leastShare {
		count := int(math.Round(is * float64(n-at)))
		enough := count >= 8 || (count >= 4 && was == 0 && at >= 50)
		if enough && is >= 3*was+0.05 && recent(at) >= is/3 {
			return change{found: true, at: at, before: was, after: is}
		}
	}
	if n >= 10 && share >= 0.5 && recent(0) >= 0.5 { // it has always been so
		return change{found: true, before: math.NaN(), after: share}
	}
	return change{}
}

// growth is a steady growth of a series up to now.
type growth struct {
	found    bool
	at       int     // where it began
	from, to float64 // levels of the first and the last fifth
}

// The least that makes a growth: two minutes of values, and how far they agree
// that later is more (Kendall's tau).
const (
	leastGrowing = 24
	leastAgreed  = 0.6
)

// grows looks for a series that has grown to its end and shows no sign of
// coming to rest: all of it, or its last part. A level that was reached is no
// growth. The growth is at least half of what there was, and least.
func grows(v []float64, least float64) growth {
	const parts = 5
	for _, twelfths := range []int{0, 4, 6, 8, 9} {
		at := len(v) * twelfths / 12
		tail := v[at:]
		if len(tail) < leastGrowing {
			break
		}
		var levels, steps [parts]float64
		steady, flat := true, 0
		for i := range parts {
			levels[i] = level(tail[i*len(tail)/parts : (i+1)*len(tail)/parts])
			if i > 0 {
				steps[i] = levels[i] - levels[i-1]
			}
		}
		gain := levels[parts-1] - levels[0]
		for i, step := range steps[1:] {
			if step < gain/(2*(parts-1)) {
				flat++
				steady = steady && step > -gain/10 && i < parts-2 // at the end it has come to rest
			}
		}
		if steady && flat <= 1 && gain >= max(least, levels[0]/2) && levels[parts-1] > slices.Max(append(v[:at:at], 0)) && agreed(tail) >= leastAgreed {
			return growth{found: true, at: at, from: levels[0], to: levels[parts-1]}
		}
	}
	return growth{}
}

// level is the mean of the middle half of v, in which noise is less than in the
// median, and a spike does not count.
func level(v []float64) float64 {
	sorted := slices.Sorted(slices.Values(v))
	return mean(sorted[len(v)/4 : len(v)-len(v)/4])
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// agreed is Kendall's tau of v and time: of all pairs, the share in which the
// later one is more, less the share in which it is less.
func agreed(v []float64) float64 {
	sum, pairs := 0, len(v)*(len(v)-1)/2
	for i, earlier := range v {
		for _, later := range v[i+1:] {
			sum += cmp.Compare(later, earlier)
		}
	}
	return float64(sum) / float64(pairs)
}

func median(v []float64) float64 { return quantile(v, 0.5) }

// quantile is of the values that are known, NaN without any.
func quantile(v []float64, q float64) float64 {
	return nth(slices.DeleteFunc(slices.Clone(v), math.IsNaN), q)
}

// median is of values that are all known.
func (w *workspace) median(v []float64) float64 {
	w.values = append(w.values[:0], v...)
	return nth(w.values, 0.5)
}

// deviation is the median deviation from m, as large as the standard deviation
// where values are spread as is normal.
func (w *workspace) deviation(v []float64, m float64) float64 {
	w.values = w.values[:0]
	for _, x := range v {
		w.values = append(w.values, math.Abs(x-m))
	}
	return 1.4826 * nth(w.values, 0.5)
}

// nth is a quantile of v, whose order it changes; NaN without a value. Values
// that turn out not to halve are sorted in the end.
func nth(v []float64, q float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	k := int(q*float64(len(v)-1) + 0.5)
	for range 2 * bits.Len(uint(len(v))) {
		if len(v) <= 16 {
			break
		}
		pivot := v[len(v)/2]
		low, i, high := 0, 0, len(v) // below the pivot, equal to it, not looked at, above
		for i < high {
			switch x := v[i]; {
			case x < pivot:
				v[low], v[i] = x, v[low]
				low++
				i++
			case x > pivot:
				high--
				v[i], v[high] = v[high], x
			default:
				i++
			}
		}
		switch {
		case k < low:
			v = v[:low]
		case k >= high:
			v, k = v[high:], k-high
		default:
			return pivot
		}
	}
	slices.Sort(v)
	return v[k]
}
