package bulk

import (
	"math"
	"time"
)

// curve fits the Universal Scalability Law to the recent windows. By Little's
// law the time of a call with n at once is n/X(n), and that law makes of it
// r0 + r1(n-1) + r2 n(n-1): linear, so a non-negative least squares does.
type curve struct {
	seen []seen
}

type seen struct {
	n, rate float64
	at      time.Duration
}

const (
	maxSeen = 60
	memory  = 90 // seconds, of the weight of a window
	minSeen = 8
	minFan  = 1.4 // the most workers seen over the least; less shows no curve
)

func (c *curve) add(n int, rate float64, at time.Duration) {
	c.seen = append(c.seen, seen{float64(n), rate, at})
	if len(c.seen) > maxSeen {
		c.seen = c.seen[1:]
	}
}

// forget keeps only what was seen since the backend has changed.
func (c *curve) forget() {
	if n := len(c.seen); n > 3 {
		c.seen = append(c.seen[:0], c.seen[n-3:]...)
	}
}

// scale turns what was seen into what would have been at another setting of the
// other axis.
func (c *curve) scale(by float64) {
	for i := range c.seen {
		c.seen[i].rate *= by
	}
}

func (c *curve) clear() { c.seen = c.seen[:0] }

// fit returns r0, r1 and r2.
func (c *curve) fit(now time.Duration) (best [3]float64, ok bool) {
	if len(c.seen) < minSeen {
		return best, false
	}
	least, most := math.Inf(1), 0.0
	var a [3][3]float64
	var y [3]float64
	for _, s := range c.seen {
		r := s.n / s.rate
		w := math.Exp(-(now-s.at).Seconds()/memory) / (r * r) // errors are relative
		b := [3]float64{1, s.n - 1, s.n * (s.n - 1)}
		for i := range b {
			for j := range b {
				a[i][j] += w * b[i] * b[j]
			}
			y[i] += w * b[i] * r
		}
		least, most = math.Min(least, s.n), math.Max(most, s.n)
	}
	if most < minFan*least {
		return best, false
	}
	smallest := math.Inf(1)
	for used := 1; used < 8; used += 2 { // which of r1 and r2 are not zero
		r, solved := solve(a, y, used)
		if !solved || r[0] < 0 || r[1] < 0 || r[2] < 0 {
			continue
		}
		if e := loss(a, y, r); e < smallest-1e-12 {
			smallest, best, ok = e, r, true
		}
	}
	return best, ok
}

// loss is the squared error, less what is the same for all r.
func loss(a [3][3]float64, y, r [3]float64) (sum float64) {
	for i := range r {
		for j := range r {
			sum += r[i] * a[i][j] * r[j]
		}
		sum -= 2 * r[i] * y[i]
	}
	return sum
}

// elasticity is the percentage by which goodput grows for one percent more
// workers, at n.
func elasticity(r [3]float64, n float64) float64 {
	return 1 - n*(r[1]+r[2]*(2*n-1))/(r[0]+r[1]*(n-1)+r[2]*n*(n-1))
}

// solve is Gauss-Jordan elimination over the unknowns in the bits of used.
func solve(a [3][3]float64, y [3]float64, used int) (r [3]float64, ok bool) {
	for i := range 3 {
		if used>>i&1 == 0 { // an equation that makes this one zero
			a[i], y[i] = [3]float64{}, 0
			for j := range 3 {
				a[j][i] = 0
			}
			a[i][i] = 1
		}
	}
	for c := range 3 {
		pivot := c
		for i := c; i < 3; i++ {
			if math.Abs(a[i][c]) > math.Abs(a[pivot][c]) {
				pivot = i
			}
		}
		if math.Abs(a[pivot][c]) < 1e-300 {
			return r, false
		}
		a[c], a[pivot], y[c], y[pivot] = a[pivot], a[c], y[pivot], y[c]
		for i := range 3 {
			if i == c {
				continue
			}
			f := a[i][c] / a[c][c]
			for j := c; j < 3; j++ {
				a[i][j] -= f * a[c][j]
			}
			y[i] -= f * y[c]
		}
	}
	for i := range 3 {
		r[i] = y[i] / a[i][i]
	}
	return r, true
}
