package diagnosis

import (
	"cmp"
	"math"
	"slices"
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

// rise finds where the level of v rises and stays up: the split at which the
// ranks of the two sides differ most (Mann and Whitney), accepted when the
// median at least doubles and leaves what is usual by six robust deviations.
func rise(v []float64) change {
	n := len(v)
	best, at := 0.0, 0
	ranks := ranksOf(v)
	sum, total := 0.0, float64(n)*float64(n+1)/2
	for k := 1; k <= n-leastAfter; k++ {
		sum += ranks[k-1]
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
	c := change{at: at, before: median(v[:at]), after: median(v[at:])}
	recent := median(v[max(at, n-max(leastAfter, (n-at)/4)):])
	c.found = leaves(v[:at], c.after) && c.after >= 2*c.before && leaves(v[:at], recent)
	return c
}

// leaves tells whether v is above all that is usual by more than noise is.
func leaves(usual []float64, v float64) bool {
	m := median(usual)
	return v-m > 6*max(deviation(usual, m), math.Abs(m)/20)
}

// ranksOf returns the rank of each value, from 1 on, equal ones sharing theirs.
func ranksOf(v []float64) []float64 {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(v[a], v[b]) })
	ranks := make([]float64, len(v))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && v[order[j]] == v[order[i]] {
			j++
		}
		for k := i; k < j; k++ {
			ranks[order[k]] = float64(i+j+1) / 2
		}
		i = j
	}
	return ranks
}

// shareRises finds where the share of bad ones rises and stays up.
func shareRises(bad []bool) change {
	n := len(bad)
	below := make([]int, n+1) // bad ones before each
	for i, b := range bad {
		below[i+1] = below[i]
		if b {
			below[i+1]++
		}
	}
	all := below[n]
	share := float64(all) / float64(max(n, 1))
	recent := func(at int) float64 {
		from := max(at, n-max(leastAfter, (n-at)/4))
		return float64(all-below[from]) / float64(max(n-from, 1))
	}
	best, at := 0.0, 0
	for k := leastBefore; k <= n-leastAfter+1; k++ {
		before, after := float64(below[k])/float64(k), float64(all-below[k])/float64(n-k)
		z := (after - before) / math.Sqrt(share*(1-share)*(1/float64(k)+1/float64(n-k)))
		if z > best {
			best, at = z, k
		}
	}
	if best >= leastShare {
		was, is, count := float64(below[at])/float64(at), float64(all-below[at])/float64(n-at), all-below[at]
		enough := count >= 8 || (count >= 4 && below[at] == 0 && at >= 50)
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
	from, to float64 // medians of the first and the last fifth
}

// leastGrowing is how many values a growth lasts at least: two minutes.
const leastGrowing = 24

// grows looks for a series that has grown to its end and shows no sign of
// coming to rest: all of it, or its last part. A level that was reached is no
// growth. The growth is at least half of what there was, and least.
func grows(v []float64, least float64) growth {
	const parts = 5
	for _, share := range []int{1, 2, 3, 4} {
		at := len(v) - len(v)/share
		tail := v[at:]
		if len(tail) < leastGrowing {
			break
		}
		var levels, steps [parts]float64
		steady, flat := true, 0
		for i := range parts {
			levels[i] = median(tail[i*len(tail)/parts : (i+1)*len(tail)/parts])
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
		if steady && flat <= 1 && gain >= max(least, levels[0]/2) && levels[parts-1] > slices.Max(append(v[:at:at], 0)) {
			return growth{found: true, at: at, from: levels[0], to: levels[parts-1]}
		}
	}
	return growth{}
}

func median(v []float64) float64 { return quantile(v, 0.5) }

// quantile is of the values that are known, NaN without any.
func quantile(v []float64, q float64) float64 {
	s := slices.DeleteFunc(slices.Clone(v), math.IsNaN)
	if len(s) == 0 {
		return math.NaN()
	}
	slices.Sort(s)
	return s[int(q*float64(len(s)-1)+0.5)]
}

// deviation is the median deviation from m, as large as the standard deviation
// where values are spread as is normal.
func deviation(v []float64, m float64) float64 {
	off := make([]float64, len(v))
	for i, x := range v {
		off[i] = math.Abs(x - m)
	}
	return 1.4826 * median(off)
}
