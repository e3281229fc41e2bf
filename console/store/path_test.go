package store

import (
	"testing"
	"time"
)

// at makes a span of so many milliseconds; a negative end leaves it unfinished.
func at(id, parent string, start, end int) *Span {
	s := &Span{SpanID: id, ParentID: parent, Name: id, Start: time.UnixMilli(1000 + int64(start))}
	if end >= 0 {
		e := time.UnixMilli(1000 + int64(end))
		s.End = &e
	}
	return s
}

func TestCriticalPathAndSelfTimes(t *testing.T) {
	type figures struct{ self, path float64 } // ms; a path below zero: not on it
	for name, tc := range map[string]struct {
		spans []*Span
		want  map[string]figures
	}{
		"one after the other": {
			[]*Span{at("r", "", 0, 100), at("a", "r", 10, 30), at("b", "r", 40, 90)},
			map[string]figures{"r": {30, 30}, "a": {20, 20}, "b": {50, 50}},
		},
		"side by side: the last to end is waited for": {
			[]*Span{at("r", "", 0, 100), at("a", "r", 10, 60), at("b", "r", 10, 90)},
			map[string]figures{"r": {20, 20}, "a": {50, -1}, "b": {80, 80}},
		},
		"overlapping: what was begun while another ran did not wait for it": {
			[]*Span{at("r", "", 0, 100), at("a", "r", 10, 60), at("b", "r", 50, 90)},
			map[string]figures{"r": {20, 60}, "a": {50, -1}, "b": {40, 40}},
		},
		"nested": {
			[]*Span{at("r", "", 0, 100), at("a", "r", 0, 100), at("b", "a", 20, 80)},
			map[string]figures{"r": {0, 0}, "a": {40, 40}, "b": {60, 60}},
		},
		"unfinished": {
			[]*Span{at("r", "", 0, -1), at("a", "r", 10, 50), at("b", "r", 60, -1)},
			map[string]figures{"r": {20, 20}, "a": {40, 40}, "b": {140, 140}},
		},
		"not waited for": {
			[]*Span{at("r", "", 0, 100), at("a", "r", 20, 50), at("b", "r", 90, 190)},
			map[string]figures{"r": {60, 70}, "a": {30, 30}, "b": {100, -1}},
		},
		"ended in the wrong order": {
			[]*Span{at("r", "", 0, 100), at("a", "r", 20, 101), at("b", "a", 30, 101)},
			map[string]figures{"r": {20, 20}, "a": {10, 10}, "b": {71, 70}},
		},
		"clocks that differ": {
			[]*Span{at("r", "", 100, 200), at("a", "r", 50, 150), at("b", "r", 0, 20), at("c", "r", 300, 400)},
			map[string]figures{"r": {50, 50}, "a": {100, 50}, "b": {20, -1}, "c": {100, -1}},
		},
		"missing parents": {
			[]*Span{at("a", "gone", 0, 40), at("b", "gone", 60, 100)},
			map[string]figures{"a": {40, 40}, "b": {40, 40}},
		},
		"its own ancestor": {
			[]*Span{at("a", "b", 0, 40), at("b", "a", 0, 40)},
			map[string]figures{"a": {0, 0}, "b": {40, 40}},
		},
		"no time at all": {
			[]*Span{at("r", "", 0, 10), at("a", "r", 5, 5)},
			map[string]figures{"r": {10, 10}, "a": {0, -1}},
		},
		"ends before it starts": {
			[]*Span{at("r", "", 10, 0)},
			map[string]figures{"r": {0, -1}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := Trace{AsOf: time.UnixMilli(1200)}
			byID := map[string]*Span{}
			for _, s := range tc.spans {
				byID[s.SpanID] = s
			}
			d.arrange(byID)
			for id, want := range tc.want {
				s := byID[id]
				self, path := float64(s.Self)*1000, float64(s.PathSeconds)*1000
				if !s.OnPath {
					path = -1
				}
				if (figures{self, path}) != want {
					t.Errorf("%s: self %v ms, on the path %v ms; want %+v", id, self, path, want)
				}
			}
		})
	}
}
