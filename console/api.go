package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/console/store"
)

// endpoint is one address of the JSON twin.
type endpoint struct {
	parameters []string
	answer     func(*Console, ask) (any, error)
}

func endpoints() map[string]endpoint {
	list := map[string]endpoint{
		"api/summary":    {nil, func(c *Console, _ ask) (any, error) { return c.Summary(), nil }},
		"api/diagnosis":  {[]string{"component", "since", "limit"}, answerDiagnosis},
		"api/health":     {nil, func(c *Console, _ ask) (any, error) { return c.Health(), nil }},
		"api/operations": {[]string{"limit"}, answerOperations},
		"api/traces":     {[]string{"q", "errors", "running", "min", "since", "until", "limit"}, answerTraces},
		"api/logs":       {[]string{"q", "level", "trace", "since", "until", "limit"}, answerLogs},
		"api/patterns":   {[]string{"q", "level", "trace", "since", "until", "limit"}, answerPatterns},
		"api/settings":   {nil, func(c *Console, _ ask) (any, error) { return c.Settings(), nil }},
		"api/history":    {[]string{"name", "q", "window", "limit"}, answerHistory},
		"api/delivery":   {nil, func(c *Console, _ ask) (any, error) { return c.Delivery(), nil }},
		"api/metrics":    {[]string{"q", "name"}, answerMetrics},
		"api/runtime":    {nil, func(c *Console, _ ask) (any, error) { return c.Runtime(), nil }},

		"api/control": {[]string{"limit"}, answerControl},

		"api/traces/" + traceRoute: {nil, answerTrace},
	}
	index := map[string][]string{}
	for name, e := range list {
		index[name] = append([]string{}, e.parameters...)
	}
	list["api/"] = endpoint{nil, func(*Console, ask) (any, error) {
		return map[string]any{"endpoints": slices.Sorted(maps.Keys(index)), "parameters": index}, nil
	}}
	return list
}

func answerDiagnosis(c *Console, a ask) (any, error) {
	q, err := a.diagnosis()
	return c.diagnose(q), err
}

func answerOperations(c *Console, a ask) (any, error) {
	limit, err := a.limit()
	return c.Operations(limit), err
}

func answerTraces(c *Console, a ask) (any, error) {
	q, err := a.traces()
	return c.Traces(q), err
}

func answerControl(c *Console, a ask) (any, error) {
	limit, err := a.limit()
	return map[string]any{"log_level": c.LogLevel(), "profiles": ProfileKinds(), "goroutines": c.Goroutines(limit)}, err
}

// errUnknownTrace is answered with status 404.
var errUnknownTrace = errors.New("nothing of this trace is kept: it was never recorded here, or newer telemetry took its place")

func answerTrace(c *Console, a ask) (any, error) {
	t, ok := c.Trace(a.trace)
	if !ok {
		return nil, fmt.Errorf("%w; all is kept since %s", errUnknownTrace, t.Since.UTC().Format(time.RFC3339))
	}
	return t, nil
}

func answerLogs(c *Console, a ask) (any, error) {
	q, err := a.logs()
	return c.Logs(q), err
}

func answerPatterns(c *Console, a ask) (any, error) {
	q, err := a.logs()
	return c.Patterns(q), err
}

func answerHistory(c *Console, a ask) (any, error) {
	limit, err := a.limit()
	window, bad := a.duration("window", "6h")
	return c.History(store.HistoryQuery{Name: a.text("name"), Text: a.text("q"), Window: window, Limit: limit}), errors.Join(err, bad)
}

func answerMetrics(c *Console, a ask) (any, error) {
	return a.metrics(c, store.MaxSeries), nil
}

func (h *handler) serveAPI(w http.ResponseWriter, r *http.Request, e endpoint, id trace.TraceID) {
	a := ask{values: r.URL.Query(), trace: id}
	err := a.unknownNames(e.parameters)
	status := http.StatusBadRequest
	var b []byte
	var bad error
	if err == nil && !h.c.turns.do(r.Context(), func() {
		var answer any
		if answer, err = e.answer(h.c, a); err == nil {
			status = http.StatusOK
			b, bad = json.Marshal(answer)
		}
	}) {
		return
	}
	if errors.Is(err, errUnknownTrace) {
		status = http.StatusNotFound
	}
	if err != nil {
		b, bad = json.Marshal(map[string][]string{"errors": strings.Split(err.Error(), "\n")})
	}
	sendJSON(w, status, b, bad)
}

func writeJSON(w http.ResponseWriter, status int, answer any) {
	b, err := json.Marshal(answer)
	sendJSON(w, status, b, err)
}

// sendJSON sends what json.Marshal returned.
func sendJSON(w http.ResponseWriter, status int, b []byte, err error) {
	if err != nil {
		http.Error(w, "encode: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n'))
}
