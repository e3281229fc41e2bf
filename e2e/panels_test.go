//go:build unix

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/internal/loopback"
)

// loaded is how long codesearch is under load before its dashboards are judged.
const loaded = 2 * time.Minute

// quiet are the questions that nothing answers while all is well, and why. Each is
// answered about a service in trouble.
func quiet() map[string]string {
	const (
		noFailure = "nothing failed"
		noAlert   = "codesearch tells nobody of alerts"
	)
	return map[string]string{
		"overview/Failed operations by class/A":     noFailure,
		"overview/Failed requests and operations/A": noFailure,
		"overview/Warnings and errors/A":            noFailure,
		"overview/annotation/Not healthy":           "it was healthy all the time",
		"health/annotation/Not healthy":             "it was healthy all the time",
		"bulk/annotation/Not healthy":               "it was healthy all the time",
		"delivery/annotation/Not healthy":           "it was healthy all the time",
		"health/Root causes/A":                      "no check fails",
		"health/Failed executions by class/A":       noFailure,
		"health/Failed executions/A":                noFailure,
		"health/Alerts/A":                           "nothing is wrong",
		"health/Notifications/A":                    noAlert,
		"health/Notifications that wait/A":          noAlert,
		"bulk/Batches refused as too much/A":        "SQLite refuses nothing",
		"bulk/Failed items by class/A":              noFailure,
		"bulk/Retries by class of failure/A":        "nothing was tried again",
		"bulk/First failures of each class/A":       noFailure,
		"delivery/Lost by reason/A":                 "nothing was lost",
		"delivery/Refused and lost/D":               "every store takes all",
		"delivery/Refused and lost/E":               "every store takes all",
		"delivery/Refused and lost/F":               "every store takes all",
		"delivery/Callbacks that did not do/A":      noFailure,
	}
}

// calm are the numbers that are 0 while all is well, and above it in trouble.
func calm() []string {
	return []string{
		"overview/Health/A", "overview/Failed requests/A", "overview/Failed requests by route/A",
		"health/Service/A", "health/Checks that are not healthy/A", "health/Flapping or muted/A", "health/Flapping or muted/B",
		"health/Flapping/A", "health/Muted/A", "bulk/Failed items/A", "bulk/Batches refused as too much/A",
		"delivery/Lost/A", "delivery/Items that wait/A", "delivery/Oldest that waits/A",
	}
}

// readable is how many lines of a graph one can tell apart, for each question.
const readable = 16

// TestPanels: every question of every dashboard is answered by the real stores once
// codesearch has been under load for two minutes, or is one of quiet and answered
// about a service or a Collector in trouble; and the links between the stores lead
// somewhere. It takes two and a half minutes, beside other tests.
func TestPanels(t *testing.T) {
	t.Parallel()
	s := startApart(t)
	often := append(otlp("http/protobuf", s.http), "OTEL_METRIC_EXPORT_INTERVAL=10000")
	addr := loopback.Addr(t)
	p := start(t, codesearch, often, "-traffic", "-addr", addr)
	trouble := actor(t, troubled, append(often, "OTEL_RESOURCE_ATTRIBUTES=service.namespace="+path.Dir(troubledJob))...)
	awaitAnswer(t, "http://"+addr+"/readyz", "", p.ended)
	stop := load(t, "http://"+addr)
	well := s.watch(t, p, codesearch, loaded)
	s.loseAll(t)
	ill := s.watch(t, trouble, troubledJob, 10*time.Second)
	stop()

	t.Run("questions", func(t *testing.T) { judge(t, well, ill) })
	t.Run("variables", s.testVariables)
	t.Run("exemplars", s.testExemplars)
	t.Run("links of panels", func(t *testing.T) { s.testPanelLinks(t, well, ill) })
	t.Run("links of data sources", s.testSourceLinks)
	p.terminate(t, shutdownLimit)
	trouble.terminate(t, shutdownLimit)
}

// load is twenty visitors a second, some of whom ask for what is not there.
func load(t *testing.T, base string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for _, path := range []string{"/search?q=func+main", "/search?q=sync.Mutex&format=json", "/search?q=%22", "/source/nothing.go"} {
		all.Go(func() {
			tick := time.NewTicker(200 * time.Millisecond)
			defer tick.Stop()
			for ctx.Err() == nil {
				if req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, http.NoBody); err == nil {
					if res, err := http.DefaultClient.Do(req); err == nil {
						_, _ = io.Copy(io.Discard, res.Body)
						_ = res.Body.Close()
					}
				}
				select {
				case <-ctx.Done():
				case <-tick.C:
				}
			}
		})
	}
	return func() { cancel(); all.Wait() }
}

// watch looks at the dashboards of a service every five seconds for a while, like
// somebody who has them open, and returns the best that each panel has shown. The
// answers at the end are the ones that are timed.
func (s realStack) watch(t *testing.T, p *process, service string, how time.Duration) map[string]shown {
	t.Helper()
	best := make(map[string]shown)
	look := func(all bool) (slowest shown, where string) {
		for _, q := range questions(t) {
			if had := best[q.where]; !all && had.series > 0 {
				continue
			}
			got, err := s.ask(t.Context(), of(service).fillAll(t, q))
			if err != nil {
				t.Fatal(err)
			}
			if got.took > slowest.took {
				slowest, where = got, q.where
			}
			if had, ok := best[q.where]; !ok || got.series > had.series || got.series == had.series && got.highest > had.highest {
				best[q.where] = got
			}
		}
		return slowest, where
	}
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for end := time.Now().Add(how); time.Now().Before(end); {
		select {
		case <-p.ended:
			t.Fatalf("%s ended: %v", service, p.err)
		case <-tick.C:
			look(false)
		}
	}
	began := time.Now()
	slowest, where := look(true)
	t.Logf("%s: %d questions in %v, the slowest %v: %s", service, len(best), time.Since(began).Round(time.Millisecond), slowest.took.Round(time.Millisecond), where)
	return best
}

func judge(t *testing.T, well, ill map[string]shown) {
	t.Helper()
	reasons := quiet()
	for _, where := range slices.Sorted(maps.Keys(well)) {
		reason, listed := reasons[where]
		switch {
		case well[where].series == 0 && !listed:
			t.Errorf("%s shows nothing", where)
		case well[where].series == 0 && ill[where].series == 0:
			t.Errorf("%s shows nothing (%s), and nothing in trouble either", where, reason)
		case well[where].series == 0:
			t.Logf("%s shows nothing, as %s; in trouble it shows %d", where, reason, ill[where].series)
		case listed:
			t.Logf("%s shows %d, for something that passed", where, well[where].series)
		}
		delete(reasons, where)
	}
	for where := range reasons {
		t.Errorf("%s is on no dashboard", where)
	}
	for _, q := range questions(t) {
		if n := well[q.where].series; q.panel == "timeseries" && n > readable {
			t.Errorf("%s has %d lines", q.where, n)
		}
	}
	for _, where := range calm() {
		if got, ok := ill[where]; !ok || got.highest <= 0 {
			t.Errorf("%s shows %v in trouble, want more than 0", where, got.highest)
		}
	}
}

// testVariables: each has values to choose from, of a service with a namespace and
// of one without.
func (s realStack) testVariables(t *testing.T) {
	for _, service := range []string{codesearch, troubledJob} {
		s.testVariablesOf(t, service)
	}
}

func (s realStack) testVariablesOf(t *testing.T, service string) {
	t.Helper()
	labelValues := regexp.MustCompile(`^label_values\((.*), *(\w+)\)$`)
	for _, file := range dashboardFiles(t) {
		for _, v := range loadDashboard(t, file).Templating.List {
			m := labelValues.FindStringSubmatch(v.Definition)
			if v.Type == "query" && m == nil {
				t.Errorf("%s: %s asks %s", file, v.Name, v.Definition)
			}
			if m == nil {
				continue
			}
			var answer struct{ Data []string }
			err := s.prometheus.ask(t.Context(), "/api/v1/label/"+m[2]+"/values", url.Values{"match[]": {of(service).fill(t, m[1])}}, &answer)
			if err != nil || len(answer.Data) == 0 || m[2] == "job" && !slices.Contains(answer.Data, service) {
				t.Errorf("%s: %s can be %q, %v", file, v.Name, answer.Data, err)
			}
			if v.Regex != "" && regexp.MustCompile(strings.Trim(v.Regex, "/")).FindStringSubmatch(answer.Data[0])[1] != path.Base(service) {
				t.Errorf("%s: %s of %s is taken from %q by %s", file, v.Name, service, answer.Data, v.Regex)
			}
		}
	}
}

// testExemplars: the points of a graph lead to traces that Jaeger has.
func (s realStack) testExemplars(t *testing.T) {
	for _, q := range questions(t) {
		if !q.Exemplar {
			continue
		}
		id, err := s.exemplar(t.Context(), of(codesearch).fill(t, q.Expr))
		if err == nil && id == "" {
			id, err = s.exemplar(t.Context(), of(troubledJob).fill(t, q.Expr)) // checks that go well are not traced
		}
		if err == nil {
			_, err = s.trace(t.Context(), id)
		}
		if err != nil {
			t.Errorf("%s: %v", q.where, err)
		}
	}
}

// testPanelLinks: what a click leads to has an answer, about one of the services.
func (s realStack) testPanelLinks(t *testing.T, well, ill map[string]shown) {
	t.Helper()
	for _, file := range dashboardFiles(t) {
		d := loadDashboard(t, file)
		for _, p := range d.Panels {
			for _, l := range p.FieldConfig.Defaults.Links {
				if strings.HasPrefix(l.URL, "/d/") || len(p.Targets) == 0 {
					continue
				}
				where := fmt.Sprintf("%s/%s/%s", strings.TrimSuffix(file[len(dashboards)+1:], ".json"), p.Title, p.Targets[0].RefID)
				answers := 0
				for service, labels := range map[string]map[string]string{codesearch: well[where].labels, troubledJob: ill[where].labels} {
					got, err := s.ask(t.Context(), follow(t, l.URL, service, labels))
					if err != nil {
						t.Errorf("%s, %s: %v", where, l.Title, err)
					}
					answers += got.series
				}
				if answers == 0 {
					t.Errorf("%s, %s: nothing is found: %s", where, l.Title, l.URL)
				}
			}
		}
	}
}

// follow is the question behind a link to Explore, after a click on a series.
func follow(t *testing.T, link, service string, labels map[string]string) question {
	t.Helper()
	field := regexp.MustCompile(`\$\{__field\.labels\.(\w+)(?::\w+)?\}`)
	link = field.ReplaceAllStringFunc(link, func(name string) string {
		return url.QueryEscape(labels[field.FindStringSubmatch(name)[1]])
	})
	values := of(service)
	maps.Copy(values, variables{"traces": "jaeger", "logs": "loki", "__from": "0", "__to": "0"})
	u, err := url.Parse(values.fill(t, link))
	if err != nil {
		t.Fatal(err)
	}
	var panes map[string]struct {
		DataSource string
		Queries    []target
	}
	if err := json.Unmarshal([]byte(u.Query().Get("panes")), &panes); err != nil {
		t.Fatalf("%s: %v", link, err)
	}
	q := question{target: panes["o"].Queries[0], where: "a link"}
	q.DataSource.Type = panes["o"].DataSource
	return q
}
