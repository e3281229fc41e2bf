package diagnosis_test

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/console/diagnosis"
	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/faultcases"
)

// The bounds of an answer that names the cause.
const (
	mostTokens   = 4000 // a token is about four bytes of JSON
	mostCalls    = 2
	leastFirst   = 0.9 // of the cases, the first finding is the right one
	healthyRuns  = 50
	firstOfThese = 3
)

// Rules are made with the seeds below heldOut in view; what counts are the
// others.
const heldOut = 1000

// firstSeed is below heldOut while somebody makes a rule: set OTELMON_SEED=1.
func firstSeed() uint64 {
	if n, err := strconv.ParseUint(os.Getenv("OTELMON_SEED"), 10, 64); err == nil {
		return n
	}
	return heldOut
}

func seeds(n int) []uint64 {
	list := make([]uint64, n)
	for i := range list {
		list[i] = firstSeed() + uint64(i)
	}
	return list
}

func answers(f *diagnosis.Finding, e faultcases.Expected) bool {
	return f.Kind == e.Kind && slices.Contains(e.Components, f.Component)
}

// position returns where the right answer stands, from 0 on, -1 for nowhere.
func position(r *diagnosis.Report, e faultcases.Expected) int {
	return slices.IndexFunc(r.Findings, func(f diagnosis.Finding) bool { return answers(&f, e) })
}

func TestTheCauseOfEveryFaultIsNamed(t *testing.T) {
	runs, first := 0, 0
	for _, c := range faultcases.All() {
		for _, seed := range seeds(variants(t)) {
			t.Run(fmt.Sprintf("%s/%d", c.Name, seed), func(t *testing.T) {
				c.Play(t, seed, func(t *testing.T, st *store.Store, want []faultcases.Expected, innocent []string) {
					t.Helper()
					r := diagnosis.Diagnose(st, diagnosis.Question{})
					checkReport(t, st, &r, 4*mostTokens)
					for _, name := range innocent {
						if b, err := json.Marshal(r); err != nil || strings.Contains(string(b), name) {
							t.Errorf("%s is innocent: %s, healthy: %q", name, brief(&r), r.Healthy)
						}
					}
					runs++
					if judge(t, &r, want) {
						first++
					} else {
						t.Logf("not the first: want %v, got %s", want, brief(&r))
					}
				})
			})
		}
	}
	t.Logf("the first finding is right in %d of %d", first, runs)
	if float64(first) < leastFirst*float64(runs) {
		t.Errorf("the first finding is right in %d of %d only", first, runs)
	}
}

// variants is how many seeds each case is played with.
func variants(t *testing.T) int {
	t.Helper()
	if testing.Short() || detectsRaces() {
		return 1
	}
	return 4
}

// detectsRaces tells whether the race detector is on, by which a run takes five
// times as long. What races does so with any seed; the Makefile judges without it.
func detectsRaces() bool {
	b, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(b.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// judge fails the test when what is expected is not among the first findings,
// and tells whether the first one is right.
func judge(t *testing.T, r *diagnosis.Report, want []faultcases.Expected) bool {
	t.Helper()
	if len(want) == 0 {
		if len(r.Findings) != 0 {
			t.Errorf("nothing is wrong, but: %s", brief(r))
		}
		return len(r.Findings) == 0
	}
	right := false
	for _, e := range want {
		at := position(r, e)
		if at < 0 || at >= firstOfThese {
			t.Errorf("want %v among the first, got %s", e, brief(r))
		} else if at == 0 && blamesStart(r) != e.FromStart && (!e.FromStart || e.Kind != diagnosis.KindNPlusOne) { // of which the first may be gone
			t.Errorf("from the start %v, not so %s", e.FromStart, brief(r))
		}
		right = right || at == 0
		if at == 0 && e.FromStart && slices.ContainsFunc(want, func(e faultcases.Expected) bool { return !e.FromStart }) {
			t.Errorf("what always was stands before what is new: %s", brief(r))
		}
	}
	return right
}

func blamesStart(r *diagnosis.Report) bool {
	return slices.ContainsFunc(r.Findings[0].Evidence, func(e diagnosis.Evidence) bool { return e.Type == diagnosis.ByStart })
}

func brief(r *diagnosis.Report) string {
	parts := []string{r.Status + ": " + r.Summary}
	for _, f := range r.Findings {
		parts = append(parts, fmt.Sprintf("%s %s (%.2f %s) %s -> %s", f.Kind, f.Component, float64(f.Confidence), f.Severity, f.Summary, strings.Join(f.Consequences, ", ")))
	}
	return strings.Join(parts, "\n  ")
}

// checkReport checks what holds for every report.
func checkReport(t *testing.T, st *store.Store, r *diagnosis.Report, mostBytes int) {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > mostBytes {
		t.Errorf("%d bytes", len(b))
	}
	if len(r.Summary) > 400 {
		t.Errorf("summary: %q", r.Summary)
	}
	for _, f := range r.Findings {
		for _, e := range f.Evidence {
			if err := resolve(st, e); err != nil {
				t.Errorf("%s %s: evidence %s %q: %v", f.Kind, f.Component, e.Type, e.Ref, err)
			}
		}
		for _, step := range f.Next {
			if err := follow(st, step); err != nil {
				t.Errorf("%s %s: step %s %v: %v", f.Kind, f.Component, step.Tool, step.Arguments, err)
			}
		}
		if len(f.Evidence) == 0 || len(f.Next) == 0 {
			t.Errorf("%s %s: no evidence, or no next step", f.Kind, f.Component)
		}
	}
}

// resolve looks a piece of evidence up in the store.
func resolve(st *store.Store, e diagnosis.Evidence) error {
	found := false
	switch e.Type {
	case diagnosis.ByTrace:
		id, err := trace.TraceIDFromHex(e.Ref)
		if err != nil {
			return err
		}
		_, found = st.Trace(id)
	case diagnosis.ByLog:
		l := st.Logs(store.LogQuery{Text: e.Ref})
		found = l.Truncated || len(l.Logs) >= max(1, int(e.Value)) // all that it counts
	case diagnosis.ByMetric, diagnosis.ByDelivery:
		found = hasSeries(st, e.Ref)
	case diagnosis.ByCheck:
		found = slices.ContainsFunc(st.Health().Checks, func(c store.Check) bool { return strings.HasPrefix(c.Name, e.Ref) })
	case diagnosis.ByOperation:
		found = slices.ContainsFunc(st.Operations(store.MaxLimit).Operations, func(o store.Operation) bool { return strings.HasPrefix(o.ID, e.Ref) })
	case diagnosis.ByStart:
		_, version := st.Started()
		found = version == e.Ref
	case diagnosis.ByRuntime:
		found = slices.ContainsFunc(st.Runtime().Figures, func(f store.Figure) bool { return f.Name == e.Ref })
	}
	if !found {
		return fmt.Errorf("the store has none")
	}
	return nil
}

// follow does what the tool of a step does, and fails when that finds nothing.
func follow(st *store.Store, step diagnosis.Step) error {
	found := false
	text := func(name string) string { return fmt.Sprint(step.Arguments[name]) }
	switch step.Tool {
	case "get_trace":
		return resolve(st, diagnosis.Evidence{Type: diagnosis.ByTrace, Ref: text("trace_id")})
	case "search_logs":
		found = len(st.Logs(store.LogQuery{Text: text("text"), Level: text("level")}).Logs) > 0
	case "search_traces":
		q := store.TraceQuery{Text: text("name"), Errors: step.Arguments["errors_only"] == true, Running: step.Arguments["running"] == true}
		found = len(st.Traces(q).Traces) > 0
	case "query_metrics":
		for _, name := range []string{"name", "match"} {
			found = found || (step.Arguments[name] != nil && st.Metrics(text(name), store.MaxSeries).Total > 0)
		}
	case "get_status":
		return resolve(st, diagnosis.Evidence{Type: diagnosis.ByCheck, Ref: text("component")})
	case "list_operations":
		found = st.Operations(store.MaxLimit).Total > 0
	case "get_runtime", "take_profile":
		found = true
	}
	if !found {
		return fmt.Errorf("it leads nowhere")
	}
	return nil
}

func hasSeries(st *store.Store, ref string) bool {
	name, labels, _ := strings.Cut(strings.TrimSuffix(ref, "}"), "{")
	for _, in := range st.Metrics(name, store.MaxSeries).Instruments {
		for _, s := range in.Series {
			if strings.HasPrefix(in.Name, name) && containsAll(s.Attributes, labels) {
				return true
			}
		}
	}
	return false
}

// containsAll takes the attributes out of the labels, which may hold the signs that
// separate them.
func containsAll(attributes store.Attributes, labels string) bool {
	for _, a := range attributes {
		labels = strings.Replace(labels, a.Key+"="+store.CleanLine(a.Text()), "", 1)
	}
	return strings.Trim(labels, ", ") == ""
}

func TestNothingIsFoundWhenNothingIsWrong(t *testing.T) {
	n := healthyRuns
	if testing.Short() || detectsRaces() {
		n = 5
	}
	for _, seed := range seeds(n)[variants(t):] { // the first are in the catalogue
		faultcases.Nothing().Play(t, seed, func(t *testing.T, st *store.Store, _ []faultcases.Expected, _ []string) {
			t.Helper()
			if r := diagnosis.Diagnose(st, diagnosis.Question{}); len(r.Findings) > 0 || r.Status != store.StateHealthy {
				t.Errorf("seed %d: %s", seed, brief(&r))
			}
		})
	}
}
