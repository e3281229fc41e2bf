package health

import "math/bits"

// doubt counts the executions in a row that found a check better, or worse,
// than it reads.
type doubt struct {
	streak int
	worse  bool
	toward State // the one nearest to the state in force that they have found
}

// weigh returns the state that follows when one execution more has found
// something else than current, and the length of the streak.
func (d *doubt) weigh(current, found State, c *Check) (State, int) {
	worse := rank(found) > rank(current)
	if d.streak == 0 || d.worse != worse {
		*d = doubt{worse: worse, toward: found}
	}
	d.streak++
	// Two degraded and one unhealthy result have confirmed three times that it
	// is degraded, and once that it is unhealthy.
	if (rank(found) < rank(d.toward)) == worse {
		d.toward = found
	}
	needed := c.Rise
	if worse {
		needed = c.Fall
	}
	if d.streak < needed {
		return current, d.streak
	}
	state := d.toward
	*d = doubt{}
	return state, 0
}

// changes remembers which of the last 20 results changed the state, the newest
// in the lowest bit.
type changes uint32

const remembered = 20

func (c changes) add(changed int64) changes {
	return (c<<1 | changes(changed)) & (1<<remembered - 1) //nolint:gosec // 0 or 1
}

// share is that of the results that changed the state, with the newest counting
// half as much again as the oldest. That, and the two thresholds, are Nagios'
// rule.
func (c changes) share() float64 {
	share := 0.0
	for rest := uint32(c); rest != 0; rest &= rest - 1 {
		age := float64(bits.TrailingZeros32(rest))
		share += (1.2 - 0.4*age/(remembered-1)) / remembered
	}
	return share
}

// Flapping begins at a quarter, about five changes, and ends below a tenth.
const (
	flappingBegins = 0.25
	flappingEnds   = 0.10
)
