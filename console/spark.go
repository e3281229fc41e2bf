package console

import (
	"math"
	"strconv"
	"strings"

	"github.com/otelmon/otelmon-go/console/store"
)

// spark is a small line chart: lines and the areas below them, broken where
// nothing was measured.
type spark struct {
	Lines, Areas []string // points for SVG
	Least, Most  store.Number
	Points       int
}

const (
	sparkWidth  = 200
	sparkHeight = 40
	sparkPad    = 3
)

func sparkOf(values []store.Number) spark {
	s := spark{Least: store.Unknown(), Most: store.Unknown()}
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
	if s.Points < 2 {
		return s
	}
	for start := 0; start < len(values); {
		end := start
		for end < len(values) && values[end].Known() {
			end++
		}
		if end-start > 1 {
			s.draw(values[start:end], start, len(values)-1)
		}
		start = end + 1
	}
	return s
}

func (s *spark) draw(values []store.Number, start, last int) {
	var b strings.Builder
	x := func(i int) string { return coordinate(float64(start+i) / float64(last) * sparkWidth) }
	for i, v := range values {
		b.WriteString(x(i) + "," + coordinate(s.height(v)) + " ")
	}
	line := strings.TrimSuffix(b.String(), " ")
	s.Lines = append(s.Lines, line)
	bottom := "," + strconv.Itoa(sparkHeight)
	s.Areas = append(s.Areas, x(0)+bottom+" "+line+" "+x(len(values)-1)+bottom)
}

// height puts the smallest value at the bottom; what does not change is drawn
// in the middle.
func (s *spark) height(v store.Number) float64 {
	if s.Most == s.Least {
		return sparkHeight / 2
	}
	part := float64(v/2-s.Least/2) / float64(s.Most/2-s.Least/2) // halves: the difference may overflow
	return sparkHeight - sparkPad - part*(sparkHeight-2*sparkPad)
}

func coordinate(v float64) string {
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}
