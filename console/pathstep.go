package console

import (
	"cmp"
	"slices"
	"strings"

	"github.com/otelmon/otelmon-go/console/store"
)

// pathStep is what the spans of one name put into how long a trace took.
type pathStep struct {
	Name    string
	Spans   int
	Seconds store.Number
	Share   store.Number // of the whole, 0 to 1
	Bar     bar
}

// maxPathSteps is how many names are told; the rest is seen in the waterfall.
const maxPathSteps = 5

// pathSteps are the names that the trace waited for the longest. A trace of one
// span says nothing by it.
func pathSteps(t store.Trace) []pathStep {
	if len(t.Spans) < 2 || t.Seconds <= 0 {
		return nil
	}
	at := map[string]int{}
	var steps []pathStep
	for _, s := range t.Spans {
		if !s.OnPath || s.PathSeconds <= 0 {
			continue
		}
		i, ok := at[s.Name]
		if !ok {
			i = len(steps)
			at[s.Name] = i
			steps = append(steps, pathStep{Name: s.Name})
		}
		steps[i].Spans++
		steps[i].Seconds += s.PathSeconds
	}
	slices.SortFunc(steps, func(a, b pathStep) int {
		return cmp.Or(cmp.Compare(b.Seconds, a.Seconds), strings.Compare(a.Name, b.Name))
	})
	steps = steps[:min(len(steps), maxPathSteps)]
	for i := range steps {
		s := &steps[i]
		s.Share = min(1, s.Seconds/t.Seconds)
		s.Bar.W = max(leastBar, float64(s.Share)*barWidth)
	}
	return steps
}
