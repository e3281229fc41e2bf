package console

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/otelmon/otelmon-go/console/store"
)

// spark is a small line chart, broken where nothing was measured.
type spark struct {
	Path        string // for SVG, one unit wide per point
	Width       int
	Least, Most store.Number
	Points      int
}

const (
	sparkHeight = 60
	sparkPad    = 4
)

// sparkOf draws values, the last of which is of newest.
func sparkOf(values []store.Number, newest time.Time) spark {
	s := spark{Least: store.Unknown(), Most: store.Unknown(), Width: max(len(values)-1, 1)}
	for _, v := range values {
		if !v.Known() {
			continue
		}
		s.Points++
		if !s.Least.Known() || v < s.Least {
			s.Least = v
		}
		if !s.Most.Known() || v > s.Most {
			s.Most = v
		}
	}
	if s.Points >= 2 {
		s.draw(values, int(newest.Unix()/sparkSeconds))
	}
	return s
}

// sparkSeconds is the time between two points.
const sparkSeconds = 5

// sparkLine is how many points a line of the path has. Which they are depends on
// their time, so that a stream has to send the first line and the last one only
// when a new point pushes out the oldest.
const sparkLine = 20

// draw writes each point relative to the one before, and points that are as high
// as it together.
func (s *spark) draw(values []store.Number, newest int) {
	var b strings.Builder
	known, y, level := false, 0, 0
	flush := func() {
		if level > 0 {
			b.WriteString("h" + strconv.Itoa(level))
			level = 0
		}
	}
	for i, v := range values {
		if (newest-len(values)+i)%sparkLine == 0 {
			flush()
			b.WriteByte('\n')
		}
		if !v.Known() {
			known = false
			continue
		}
		switch at := s.height(v); {
		case !known:
			flush()
			b.WriteString("M" + strconv.Itoa(i) + " " + strconv.Itoa(at))
			y = at
		case at == y:
			level++
		default:
			flush()
			b.WriteString("l1 " + strconv.Itoa(at-y))
			y = at
		}
		known = true
	}
	flush()
	s.Path = b.String()
}

// height puts the smallest value at the bottom; what does not change is drawn
// in the middle.
func (s *spark) height(v store.Number) int {
	if s.Most == s.Least {
		return sparkHeight / 2
	}
	part := float64(v/2-s.Least/2) / float64(s.Most/2-s.Least/2) // halves: the difference may overflow
	return sparkHeight - sparkPad - int(math.Round(part*(sparkHeight-2*sparkPad)))
}
