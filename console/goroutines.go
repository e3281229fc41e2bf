package console

import (
	"bytes"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/otelmon/otelmon-go/console/store"
)

// Goroutines is what the program's goroutines are doing, those of one stack
// together.
type Goroutines struct {
	AsOf      time.Time        `json:"as_of"`
	Total     int              `json:"total"`
	Groups    []GoroutineGroup `json:"groups"` // the largest first
	Truncated bool             `json:"truncated"`
}

// GoroutineGroup is goroutines of one stack.
type GoroutineGroup struct {
	Count  int      `json:"count"`
	Labels string   `json:"labels"` // as package runtime/pprof writes them; empty without
	Top    string   `json:"top"`    // the innermost function outside of Go's own library, or else outside of its runtime
	Stack  []string `json:"stack"`  // innermost first, at most 32 frames: function, file and line
}

const (
	maxGroups = 200
	maxFrames = 32
)

// Goroutines returns at most limit groups, and at most 200. It stops the program
// for about a microsecond for each goroutine; it shows no arguments.
func (*Console) Goroutines(limit int) Goroutines {
	var b bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&b, 1) // a buffer takes all
	g := Goroutines{AsOf: time.Now(), Total: runtime.NumGoroutine(), Groups: parseGoroutines(b.String())}
	limit = min(max(limit, 1), maxGroups)
	if g.Truncated = len(g.Groups) > limit; g.Truncated {
		g.Groups = g.Groups[:limit]
	}
	return g
}

// parseGoroutines reads what package runtime/pprof writes for people: groups
// apart by an empty line, each a count and its program counters, its labels and
// a line for each frame.
func parseGoroutines(text string) []GoroutineGroup {
	groups := []GoroutineGroup{}
	for block := range strings.SplitSeq(text, "\n\n") {
		var g GoroutineGroup
		g.Stack = []string{}
		for line := range strings.Lines(block) {
			line = strings.TrimSpace(line)
			if count, _, ok := strings.Cut(line, " @ "); ok && g.Count == 0 {
				g.Count, _ = strconv.Atoi(count)
			} else if labels, ok := strings.CutPrefix(line, "# labels: "); ok {
				g.Labels = store.CleanLine(labels)
			} else if frame, ok := strings.CutPrefix(line, "#"); ok {
				g.add(frame)
			}
		}
		if g.Count > 0 {
			groups = append(groups, g)
		}
	}
	return groups
}

// add takes in a frame: an address, a function with an offset, file and line.
func (g *GoroutineGroup) add(frame string) {
	fields := strings.Split(strings.TrimSpace(frame), "\t")
	if len(fields) < 2 || len(g.Stack) == maxFrames {
		return
	}
	function := strings.TrimSpace(fields[1])
	if i := strings.LastIndex(function, "+0x"); i > 0 {
		function = function[:i]
	}
	if g.Top == "" && !isRuntime(function) || isStandard(g.Top) && !isStandard(function) {
		g.Top = function
	}
	place := strings.TrimSpace(fields[len(fields)-1])
	g.Stack = append(g.Stack, store.CleanLine(function+" "+place))
}

// isStandard tells a function of Go's own library: no path of it has a dot in
// its first part, and it is not of the program's own package.
func isStandard(function string) bool {
	first, rest, isPath := strings.Cut(function, "/")
	if !isPath {
		return function != "" && !strings.HasPrefix(function, "main.")
	}
	return rest != "" && !strings.Contains(first, ".")
}

func isRuntime(function string) bool {
	for _, prefix := range []string{"runtime.", "internal/", "sync.", "time.Sleep", "syscall."} {
		if strings.HasPrefix(function, prefix) {
			return true
		}
	}
	return false
}
