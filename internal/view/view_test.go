package view

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/console/diagnosis"
	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/keys"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) {
	time.Local = time.UTC
	os.Exit(m.Run()) //nolint:forbidigo // golden files are of one zone
}

var now = time.Date(2026, 3, 2, 14, 30, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

const (
	aTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	other  = "00f067aa0ba902b74bf92f3577b34da6"
)

func aStatus() *Status {
	return &Status{
		Summary: store.Summary{AsOf: now, Started: ago(83 * time.Minute), Service: "shop", Version: "1.4.2", State: store.StateUnhealthy, Failed: 1204, Problems: 87},
		Health: store.Health{AsOf: now, State: store.StateUnhealthy, Checks: []store.Check{
			{
				Name: "postgres", State: store.StateUnhealthy, Critical: true, Since: new(ago(95 * time.Second)), TraceID: aTrace,
				Message:  "dial tcp 10.0.0.7:5432: connect: connection refused; the last connection that worked was closed by the server 2 minutes ago",
				Explains: []string{"orders"},
			},
			{
				Name: "orders", State: store.StateUnhealthy, Since: new(ago(90 * time.Second)), Muted: true, Message: "orders cannot be read",
				DependsOn: []string{"postgres", "cache"}, SuppressedBy: "postgres",
			},
			{Name: "search", State: store.StateDegraded, Message: "1 of 3 shards is missing", DependsOn: []string{"disk"}},
			{Name: "disk", State: store.StateDegraded, Flapping: true, Muted: true, Message: "7 % is free"},
			{Name: "cache", State: store.StateHealthy},
			{Name: "memory", State: store.StateHealthy},
			{Name: "clock", State: store.StateHealthy},
		}},
		Diagnosis: &diagnosis.Report{
			Status: store.StateUnhealthy, Summary: "Unhealthy: calls of postgres fail since 95 s: connection refused. 2 more.", AsOf: now, Total: 3,
			Findings: []diagnosis.Finding{{
				Rank: 1, Kind: diagnosis.KindDependencyDown, Component: "postgres", Severity: diagnosis.Critical, FirstSeen: ago(95 * time.Second), Confidence: 0.95,
				Summary: "calls of postgres fail", Cause: "postgres at 10.0.0.7:5432 refuses connections, so every query of orders and of the import fails at once",
				Consequences: []string{"failing POST /orders", "failing items of import.users"},
				Evidence: []diagnosis.Evidence{
					{Type: diagnosis.ByTrace, Ref: aTrace, Text: "SELECT orders: connection refused", Value: 1.495, Baseline: 0.01953, Unit: "s", At: now},
					{Type: diagnosis.ByMetric, Ref: "db.client.operation.duration{error.type=ECONNREFUSED}", Text: "212 failures a minute, none before", Value: store.Unknown(), Baseline: store.Unknown(), At: now},
					{Type: diagnosis.ByLog, Ref: "could not save order 4711", Text: "could not save order <num>", Value: 212, Baseline: store.Unknown(), Unit: "{record}", At: now},
				},
			}, {
				Rank: 2, Kind: diagnosis.KindLatency, Component: "GET /products", Severity: diagnosis.Warning, FirstSeen: ago(12 * time.Minute), Confidence: 0.6, Cause: "slower than usual",
				Evidence: []diagnosis.Evidence{{Type: diagnosis.ByDelivery, Ref: "otelmon.telemetry.pending", Text: "The traces to default: none are taken.", Value: 1}},
			}},
		},
		Operations: operations(),
		Delivery: &store.Delivery{AsOf: now, Verdict: store.DeliveryLosing, Reason: "The traces to otel.example.com: 12 items were lost in the last 5 minutes (rejected).", Accounts: []store.DeliveryAccount{
			{Destination: "otel.example.com", Signal: "traces", Verdict: store.DeliveryLosing, Created: 120400, Delivered: 120300, Pending: 88, Lost: 12},
			{Destination: "otel.example.com", Signal: "logs", Verdict: store.DeliveryOK, Created: 4100, Delivered: 4100},
		}},
		Failed: store.TraceList{AsOf: now, Traces: []store.TraceSummary{{TraceID: aTrace, Name: "POST /orders", Start: ago(2 * time.Second)}}},
		Errors: store.LogList{AsOf: now, Logs: []store.LogRecord{
			{Time: ago(time.Second), Level: "error", Body: "could not save order 4711: connection refused\n\tat orders.save", TraceID: aTrace},
			{Time: ago(30 * time.Hour), Level: "fatal", Body: "the configuration has no [orders] section, which this version cannot do without any more"},
		}},
		Faults: []string{"No operations: the console at http://127.0.0.1:8080/ answered 404 Not Found"},
	}
}

func operations() store.OperationList {
	return store.OperationList{AsOf: now, Running: 2, Total: 12, Truncated: true, Operations: []store.Operation{
		{
			ID: "1", Name: "import.users", State: store.StateRunning, Started: ago(time.Minute), Seconds: 61, Total: 120000, OK: 51000, Failed: 12, Skipped: 300, Done: 51312,
			Bytes: 3 << 20, Progress: 0.4276, Rate: 812.4, ETA: 84.6, Stage: "commit", Verdict: "the disk: 94 % of the time is spent in commits, and more workers would wait for it as well",
			TraceID: aTrace, Failures: []store.Failure{
				{Time: ago(3 * time.Second), Message: `row 50231: "naïve@" is no address`, TraceID: other},
				{Time: ago(40 * time.Second), Message: "row 12: 日本語の名前が長すぎて列に入りませんでしたのでこの行は保存されませんでした、もう一度確認してください"},
			},
		},
		{ID: "2", Name: "scan", State: store.StateRunning, Seconds: 3, Total: store.Unknown(), Done: 17, Progress: store.Unknown(), Rate: store.Unknown(), ETA: store.Unknown()},
		{
			ID: "3", Name: "export", State: store.StateFailed, Ended: new(ago(5 * time.Minute)), Seconds: 0.0123, Total: 10, OK: 2, Failed: 1, Done: 3, Rate: 243, ETA: store.Unknown(),
			Message: "row 4: disk full", TraceID: other,
		},
		{ID: "4", Name: "import.users", State: store.StateCompleted, Ended: new(ago(26 * time.Hour)), Seconds: 150, Total: 120000, OK: 120000, Done: 120000, Rate: 800, Verdict: "the source"},
	}}
}

func aTraceOfAll() *store.Trace {
	t := &store.Trace{AsOf: now, Since: ago(time.Hour), TraceID: aTrace, Name: "POST /orders", Start: ago(time.Second), Seconds: 0.4, Errors: 1, Running: 1, Partial: true}
	add := func(depth int, name string, from, long, self, path float64, onPath bool) *store.Span {
		s := &store.Span{
			Name: name, Depth: depth, ParentID: strings.Repeat("p", depth), Start: t.Start.Add(time.Duration(from * float64(time.Second))), Seconds: store.Number(long),
			End: new(now), Status: "unset", Self: store.Number(self), OnPath: onPath, PathSeconds: store.Number(path),
		}
		t.Spans = append(t.Spans, s)
		return s
	}
	add(0, "POST /orders", 0, 0.4, 0.05, 0.05, true)
	add(1, "SELECT customers WHERE id AND region AND a name that is far too long for its column", 0.01, 0.2, 0.2, 0.2, true)
	for range 7 {
		add(1, "SELECT price", 0.21, 0.01, 0.01, 0.002, true)
	}
	add(2, "the last of them", 0.271, 0.005, 0.005, 0, false)
	insert := add(1, "INSERT orders", 0.3, 0.1, 0.1, 0.1, true)
	insert.Status, insert.Message = "error", "could not serialize access due to concurrent update"
	add(1, "publish", 0.39, 0.01, 0.01, 0, false).End = nil
	t.Logs = []store.LogRecord{{Time: ago(600 * time.Millisecond), Level: "warn", Body: "retrying", TraceID: aTrace, Attributes: store.Attributes{{Key: "attempt", Value: 2.0}}}}
	return t
}

func records() *store.LogList {
	return &store.LogList{AsOf: now, Logs: []store.LogRecord{
		{
			Time: ago(time.Second), Level: "error", Body: "goroutine 1 [running]:\nmain.main()\n\t/src/main.go:12", TraceID: aTrace,
			Attributes: store.Attributes{{Key: "user", Value: "Ann Lee"}, {Key: "n", Value: 3.0}, {Key: "url", Value: "https://shop.example.com/a/very/long/path/that/has/no/space/in/it/and/goes/on/for/longer/than/any/line"}},
		},
		{Time: ago(2 * time.Second), Level: "info", Event: keys.EventBulkProgress, Scope: keys.ScopeBulk, Body: "import.users: 51312 of 120000 items", Attributes: store.Attributes{{Key: "bulk.items.ok", Value: 1.0}}},
		{Time: ago(50 * time.Hour), Body: "begun"},
	}}
}

func patterns() *store.PatternList {
	return &store.PatternList{AsOf: now, Since: ago(time.Hour), Records: 4100, Total: 40, Truncated: true, Patterns: []store.Pattern{
		{Template: "could not save order <num>: <*> refused", Level: "error", Count: 3900, Last: ago(time.Second), TraceID: aTrace},
		{Template: "GET <str> took <num> ms, which is longer than the budget of <num> ms that was agreed on for it", Level: "warn", Count: 7, Last: ago(3 * time.Minute)},
	}}
}

func traces() *store.TraceList {
	return &store.TraceList{AsOf: now, Since: ago(time.Hour), Total: 9, Traces: []store.TraceSummary{
		{TraceID: aTrace, Name: "POST /orders", Start: ago(time.Second), Seconds: 0.4, Spans: 11, Errors: 1, Running: 1},
		{TraceID: other, Name: "bulk import.users with a name that does not fit on a narrow terminal", Start: ago(time.Minute), Seconds: 61, Spans: 2000},
	}}
}

// views draws everything.
func views() map[string]func(Style) string {
	list := operations()
	return map[string]func(Style) string{
		"status":     func(s Style) string { return s.Status(aStatus()) },
		"line":       func(s Style) string { return s.Line(aStatus()) },
		"operations": func(s Style) string { return s.Operations(&list) },
		"oneline":    func(s Style) string { return s.OperationLine(&list.Operations[0], &list) },
		"trace":      func(s Style) string { return s.Trace(aTraceOfAll()) },
		"traces":     func(s Style) string { return s.Traces("Newest", traces()) },
		"logs":       func(s Style) string { return s.Logs(records()) },
		"patterns":   func(s Style) string { return s.Patterns(patterns()) },
	}
}

func TestViews(t *testing.T) {
	for name, draw := range views() {
		for file, s := range map[string]Style{name + ".80": {Width: 80}, name + ".120": {Width: 120}, name + ".pipe": {}} {
			got := draw(s)
			for line := range strings.Lines(got) {
				if n := columns(strings.TrimSuffix(line, "\n")); s.Width > 0 && n > s.Width {
					t.Errorf("%s: %d columns: %q", file, n, line)
				}
				if strings.HasSuffix(line, " \n") {
					t.Errorf("%s: spaces end %q", file, line)
				}
			}
			if painted := draw(Style{Width: s.Width, Colour: true}); uncoloured(painted) != got || painted == got {
				t.Errorf("%s: colours move text:\n%s", file, painted)
			}
			compare(t, filepath.Join("testdata", file), got)
		}
	}
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || got != string(want) {
		t.Errorf("%s, %v (go test ./internal/view -update writes it anew):\n%s", file, err, got)
	}
}

func uncoloured(text string) string {
	for {
		before, after, ok := strings.Cut(text, "\x1b[")
		if !ok {
			return text
		}
		_, after, _ = strings.Cut(after, "m")
		text = before + after
	}
}

// TestViewsOfHostileText puts what could fool a terminal into every text of every
// answer, however deep.
func TestViewsOfHostileText(t *testing.T) {
	const hostile = "\x1b]0;owned\x07\x1b[2J\u009b31m\u202e\u2066evil\r\n\x00\x7f\U000E0041\xff word"
	status, list, one, trace, logs, groups := aStatus(), operations(), aTraceOfAll(), traces(), records(), patterns()
	for _, answer := range []any{status, &list, one, trace, logs, groups} {
		fill(reflect.ValueOf(answer), hostile)
	}
	for _, s := range []Style{{}, {Width: 1}, {Width: 33}, {Width: 80}, {Width: 200}} {
		all := s.Status(status) + s.Line(status) + s.Operations(&list) + s.Trace(one) + s.Traces(hostile, trace) + s.Logs(logs) +
			s.Patterns(groups) + s.OperationLine(&list.Operations[0], &list) + s.Note(hostile) + s.Alarm(hostile)
		if s.Width == 80 && !strings.Contains(all, "evil") {
			t.Error("the text is gone")
		}
		for _, r := range all {
			if r != '\n' && (store.Clean(string(r)) == "") {
				t.Fatalf("width %d: %q is drawn", s.Width, r)
			}
		}
		for line := range strings.Lines(all) {
			if n := columns(strings.TrimSuffix(line, "\n")); s.Width > 0 && n > s.Width && s.Width >= leastWidth {
				t.Errorf("width %d: %d columns: %q", s.Width, n, line)
			}
		}
	}
}

// fill sets every string.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			fill(v.Elem(), text)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for _, f := range v.Fields() {
			if f.CanSet() {
				fill(f, text)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i), text)
		}
	case reflect.String:
		if v.CanSet() {
			v.SetString(text)
		}
	}
}

// TestViewsOfNothing draws answers of a console that knows nothing, or of a server that
// is none.
func TestViewsOfNothing(t *testing.T) {
	for _, s := range []Style{{}, {Width: 80}} {
		var trace store.Trace
		trace.Spans = []*store.Span{{}}
		all := s.Status(&Status{Diagnosis: &diagnosis.Report{}, Delivery: &store.Delivery{}}) + s.Line(&Status{}) + s.Operations(&store.OperationList{}) +
			s.Trace(&store.Trace{}) + s.Trace(&trace) + s.Traces("Newest", &store.TraceList{}) + s.Logs(&store.LogList{}) + s.Patterns(&store.PatternList{})
		if !strings.Contains(all, "No bulk operation has run.") {
			t.Error(all)
		}
	}
	odd := store.Operation{Progress: 7, Total: -1, Ended: nil, Rate: store.Unknown(), ETA: store.Number(-5)}
	_ = Style{Width: 80}.Operations(&store.OperationList{Total: 1, Operations: []store.Operation{odd}})
}

// TestDeliveryThatWaits: nothing looks well before anything was taken.
func TestDeliveryThatWaits(t *testing.T) {
	s := &Status{Delivery: &store.Delivery{Verdict: store.DeliveryWaiting, Reason: "The traces to default: nothing was taken yet."}}
	if got := (Style{}).Line(s); !strings.HasSuffix(got, "; telemetry waiting\n") {
		t.Errorf("%q", got)
	}
	if got := (Style{}).Status(s); !strings.Contains(got, "waiting  The traces to default: nothing was taken yet.") {
		t.Errorf("%q", got)
	}
}

func TestWell(t *testing.T) {
	one := []store.Check{{}}
	for _, tc := range []struct {
		s    Status
		want bool
	}{
		{Status{Health: store.Health{State: store.StateHealthy, Checks: one}}, true},
		{Status{Health: store.Health{State: store.StateUnknown}}, true},
		{Status{Health: store.Health{State: store.StateUnknown, Checks: one}}, false},
		{Status{Health: store.Health{State: store.StateDegraded, Checks: one}}, false},
		{Status{Health: store.Health{State: store.StateHealthy, Checks: one}, Diagnosis: &diagnosis.Report{Status: store.StateDegraded}}, false},
		{Status{}, false},
	} {
		if got := tc.s.Well(); got != tc.want {
			t.Errorf("%+v: %v", tc.s, got)
		}
	}
}

// TestViewsOfNull is of answers in which null stands wherever JSON allows it.
func TestViewsOfNull(t *testing.T) {
	var trace store.Trace
	if err := json.Unmarshal([]byte(`{"spans":[null,{"name":"a","span_id":"1","events":[null],"links":null},null],"logs":[null]}`), &trace); err != nil {
		t.Fatal(err)
	}
	var status Status
	for part, into := range map[string]any{
		`{"store":[null]}`:                          &status.Summary,
		`{"checks":[null],"changes":[null]}`:        &status.Health,
		`{"operations":[null],"total":1}`:           &status.Operations,
		`{"findings":[null],"total":9}`:             &status.Diagnosis,
		`{"accounts":[null]}`:                       &status.Delivery,
		`{"traces":[null]}`:                         &status.Failed,
		`{"logs":[null,{"attributes":{"a":null}}]}`: &status.Errors,
	} {
		if err := json.Unmarshal([]byte(part), into); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []Style{{}, {Width: 80, Colour: true}} {
		if text := s.Trace(&trace); !strings.Contains(text, "1 spans") || !strings.Contains(text, "a") {
			t.Errorf("%q", text)
		}
		_ = s.Status(&status) + s.Line(&status) + s.Operations(&status.Operations) + s.Logs(&status.Errors) + s.Traces("t", &status.Failed)
	}
}
