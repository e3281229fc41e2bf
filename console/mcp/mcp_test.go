package mcp

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"
)

func TestDefinitionsAreSmallAndComplete(t *testing.T) {
	r := newRig(t)
	raw, failed := r.rpc(t, actToken, "tools/list", map[string]any{})
	var list struct{ Tools []json.RawMessage }
	if err := json.Unmarshal(raw, &list); err != nil || failed != "" {
		t.Fatal(failed, err)
	}
	if n := len(raw) / 4; n > 4000 {
		t.Errorf("%d tokens", n)
	} else {
		t.Logf("%d tools, %d tokens", len(list.Tools), n)
	}
	for i, raw := range list.Tools {
		var d struct {
			Name, Description string
			InputSchema       struct {
				Type                 string
				Properties           map[string]struct{ Description string }
				AdditionalProperties *bool
			}
			Annotations map[string]any
		}
		if err := json.Unmarshal(raw, &d); err != nil {
			t.Fatal(err)
		}
		if i == 0 && d.Name != "diagnose" {
			t.Errorf("%s comes first", d.Name)
		}
		if n := len(raw) / 4; n > 400 {
			t.Errorf("%s: %d tokens", d.Name, n)
		}
		for _, hint := range []string{"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint", "title"} {
			if _, ok := d.Annotations[hint]; !ok && hint != "readOnlyHint" && hint != "idempotentHint" {
				t.Errorf("%s has no %s", d.Name, hint)
			}
		}
		acts := d.Name == "set_log_level" || d.Name == "take_profile"
		if readOnly, _ := d.Annotations["readOnlyHint"].(bool); readOnly == acts {
			t.Errorf("%s: readOnlyHint %v", d.Name, readOnly)
		}
		if d.Description == "" || d.InputSchema.Type != "object" || d.InputSchema.AdditionalProperties == nil || strings.Contains(string(raw), "null") {
			t.Errorf("%s: %s", d.Name, raw)
		}
		for name, p := range d.InputSchema.Properties {
			if p.Description == "" {
				t.Errorf("%s: %s is not described", d.Name, name)
			}
		}
	}
}

func TestScopes(t *testing.T) {
	r := newRig(t)
	for token, want := range map[string]bool{readToken: false, actToken: true} {
		raw, _ := r.rpc(t, token, "tools/list", map[string]any{})
		for _, name := range []string{"set_log_level", "take_profile"} {
			if strings.Contains(string(raw), name) != want {
				t.Errorf("%s: %s listed: %t", token, name, !want)
			}
			_, failed := r.rpc(t, token, "tools/call", map[string]any{"name": name, "arguments": map[string]any{"level": "debug", "kind": "goroutine"}})
			if (failed == "") != want {
				t.Errorf("%s: %s: %s", token, name, failed)
			}
		}
	}
	if text, _ := r.called(t, readToken, "get_runtime", nil); strings.Contains(text, "take_profile") {
		t.Error("proposes what it refuses")
	}
}

func TestWhoIsTurnedAway(t *testing.T) {
	r := newRig(t)
	for _, tc := range []struct {
		name   string
		token  string
		header []string
		want   int
	}{
		{"no token", "", nil, http.StatusUnauthorized},
		{"a wrong token", "0123456789abcdef", nil, http.StatusUnauthorized},
		{"another site", readToken, []string{"Origin", "https://evil.example"}, http.StatusForbidden},
		{"another site, told by the browser", readToken, []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{"another port of this machine", readToken, []string{"Sec-Fetch-Site", "same-site"}, http.StatusForbidden},
		{"the page itself", readToken, []string{"Origin", "http://localhost:8080"}, http.StatusOK},
		{"a program", readToken, nil, http.StatusOK},
	} {
		if w := r.post(t, tc.token, "tools/list", map[string]any{}, tc.header...); w.Code != tc.want {
			t.Errorf("%s: %d %s", tc.name, w.Code, w.Body)
		}
	}
}

func TestAnswersOfEmptyAndHostileStores(t *testing.T) {
	t.Run("empty", func(t *testing.T) {
		r := newRig(t)
		for _, s := range calls(spanContext()) {
			if s.Tool != "get_trace" {
				r.called(t, readToken, s.Tool, s.Arguments)
			}
		}
	})
	for name, text := range map[string]string{"hostile": hostile(), "plain": "checkout"} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			sc := r.fill(t, text)
			for _, s := range calls(sc) {
				got, isError := r.called(t, readToken, s.Tool, s.Arguments)
				if isError {
					t.Errorf("%+v: %s", s, got)
				}
				if strings.ContainsFunc(got, func(c rune) bool { return unicode.In(c, unicode.Cc, unicode.Cf) }) {
					t.Errorf("%s shows what fools readers: %q", s.Tool, got)
				}
			}
		})
	}
}

// TestAnswersOfAFullStoreAreShort asks for as much as can be asked for, of texts
// that become longer in JSON among others.
func TestAnswersOfAFullStoreAreShort(t *testing.T) {
	for name, text := range map[string]string{
		"hostile": hostile(), "quotes": strings.Repeat(`"`, 4000), "separators": strings.Repeat("\u2028", 1300), "wide": strings.Repeat("\U0001F680", 1000),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			sc := r.fill(t, text)
			many(8, func(i int) { r.fill(t, numbered(text[:200], i)+text) })
			var attrs []attribute.KeyValue
			many(64, func(i int) { attrs = append(attrs, attribute.String(numbered("key", i), text)) })
			ctx, root := r.Span(t.Context(), "root")
			many(100, func(i int) {
				_, s := r.Span(ctx, numbered("child", i))
				s.SetAttributes(attrs...)
				many(3, func(int) { s.AddEvent(text) })
				s.SetStatus(codes.Error, text)
				s.End()
				r.Log(ctx, log.SeverityError, "", numbered(`"`+text, i), attrs...)
			})
			root.End()
			cuts := 0
			for _, s := range append(calls(sc), calls(root.SpanContext())...) {
				got, _ := r.called(t, readToken, s.Tool, s.Arguments)
				if strings.HasPrefix(got, "{") {
					cuts += len(checkAnswer(t, s.Tool, got).Truncated)
				}
			}
			if cuts == 0 {
				t.Error("nothing was cut")
			}
		})
	}
}

// TestAnAnswerIsShortWhateverIsInIt: a tool that puts too much before its lists
// answers with the summary.
func TestAnAnswerIsShortWhateverIsInIt(t *testing.T) {
	a := begin("too much", time.Now(), time.Now())
	many(2*maxAnswer/maxText, func(i int) { a.put(numbered("n", i), strings.Repeat(`"`, maxText)) })
	list(a, "all", 100, 5, []int{1, 2, 3, 4, 5}, func(*int) *object { return &object{} })
	a.link("http://localhost/")
	a.ask("diagnose", "it is short")
	text := string(a.finish(func(s step) (step, bool) { return s, true }))
	if len(text) > maxAnswer || !strings.Contains(text, `{"list":"all","returned":0,"total":5}`) {
		t.Error(text)
	}
}

// FuzzContent holds answers to their bounds whatever telemetry says.
func FuzzContent(f *testing.F) {
	f.Add("checkout", uint8(1))
	f.Add(`"\`+"\u2028\x1b]8;;http://evil\a", uint8(3))
	f.Add(strings.Repeat("日本語\n", 300), uint8(2))
	f.Fuzz(func(t *testing.T, text string, n uint8) {
		r := newRig(t)
		sc := r.fill(t, text)
		many(int(n%4), func(i int) { r.fill(t, numbered(text, i)) })
		for _, s := range calls(sc) {
			got, _ := r.called(t, readToken, s.Tool, s.Arguments)
			if strings.ContainsFunc(got, func(c rune) bool { return unicode.In(c, unicode.Cc, unicode.Cf) }) {
				t.Errorf("%s shows what fools readers: %q", s.Tool, got)
			}
		}
	})
}

func TestWhatIsMeantIsUnderstood(t *testing.T) {
	r := newRig(t)
	sc := r.fill(t, "checkout")
	id := sc.TraceID().String()
	for _, tc := range []struct {
		tool string
		raw  string
		want string
	}{
		{"search_logs", `{"limit":"5","GROUP":"false","Level":"WARN"}`, "records"},
		{"search_logs", `{"level":"warning","since":"1h"}`, "records"},
		{"get_trace", `{"trace_id":"` + strings.ToUpper(id[:8]) + `","view":"error"}`, `"failed"`},
		{"Search-Traces", `{}`, id},
		{"search_logs", `{"limit":5.0,"level":null,"text":"null","until":""}`, "records"},
		{"search_traces", `{"errorsOnly":"yes","since":900,"sort":"Slowest"}`, id},
		{"search_traces", `{"running":["true"],"since":"15 m"}`, "checkout"},
		{"get_trace", `{"traceId":"` + strings.ToUpper(id) + `","view":"critical-path"}`, "critical_path"},
		{"get_trace", `"{\"trace-id\":\"` + id + `\"}"`, id},
		{"query_metrics", `{"name":"shop.io{checkout=checkout}"}`, `"value":5`},
		{"list_operations", `{"state":"RUNNING","limit":100000}`, "checkout"},
		{"diagnose", `null`, "findings"},
		{"diagnose", `{"component":"none"}`, "findings"},
	} {
		got, isError := r.called(t, readToken, tc.tool, json.RawMessage(tc.raw))
		if isError || !strings.Contains(got, tc.want) {
			t.Errorf("%s %s: %s", tc.tool, tc.raw, got)
		}
	}
}

func TestMistakesAreExplained(t *testing.T) {
	r := newRig(t)
	r.Status(t, map[string]string{"db": "healthy"}, "healthy")
	for _, tc := range []struct {
		tool string
		raw  string
		want []string
	}{
		{"search_logs", `{"lmit":5,"level":"warn"}`, []string{`"lmit"`, "trace_id, group, since", `search_logs {"level":"warn","limit":5}`}},
		{"search_logs", `{"levl":"warn","level":"error","loudest":5}`, []string{`"levl"`, `"loudest"`, `search_logs {"level":"error"}`}},
		{"get_trace", `{"trace":"4bf92f3577b34da6a3ce929d0e0e4737"}`, []string{`"trace"`, `get_trace {"trace_id":"4bf92f3577b34da6a3ce929d0e0e4737"}`}},
		{"get_trace", `{"trace_id":"4bf92"}`, []string{"the first 6"}},
		{"get_trace", `{"trace_id":"4bf92f"}`, []string{"begins with 4bf92f", "search_traces"}},
		{"search_logs", `{"level":"loud"}`, []string{"trace, debug, info, warn, error, fatal", `"loud"`}},
		{"search_logs", `{"limit":"many","since":"yesterday","until":"now"}`, []string{"1 to 100", "15m", "2026-01-31T12:00:00Z"}},
		{"search_logs", `{"limit":0}`, []string{"1 to 100"}},
		{"search_logs", `{"text":{"a":1}}`, []string{"a text", `{"a":1}`}},
		{"search_logs", `[1]`, []string{"no JSON object"}},
		{"search_logs", manyArguments(), []string{"too many", "level, text"}},
		{"get_trace", `{}`, []string{"trace_id is missing", `get_trace {"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"`}},
		{"get_trace", `{"trace_id":"xyz","view":"tree"}`, []string{"32 hexadecimal", `"view":"tree"`}},
		{"get_trace", `{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}`, []string{"nothing is kept", "search_traces"}},
		{"get_status", `{"component":"redis"}`, []string{`"redis"`, "db"}},
		{"get_delivery", `{"x":1}`, []string{"takes no arguments", "get_delivery {}"}},
	} {
		got, isError := r.called(t, readToken, tc.tool, json.RawMessage(tc.raw))
		for _, want := range tc.want {
			if !isError || !strings.Contains(got, want) {
				t.Errorf("%s %s: no %s in %s", tc.tool, tc.raw, want, got)
			}
		}
		if len(got) > maxError {
			t.Errorf("%d bytes", len(got))
		}
	}
	sc := r.fill(t, "checkout")
	if got, isError := r.called(t, readToken, "get_trace", map[string]any{"trace_id": sc.TraceID().String(), "view": "span"}); !isError || !strings.Contains(got, "tree") {
		t.Error(got)
	}
	for name, want := range map[string]string{"no_such_tool": "unknown tool", "diagnosis": "is it diagnose?", "set_log_levl": "unknown tool"} {
		if _, failed := r.rpc(t, readToken, "tools/call", map[string]any{"name": name}); !strings.Contains(failed, want) {
			t.Errorf("%s: %s", name, failed)
		}
	}
	if got, _ := r.called(t, readToken, "get_trace", nil); !strings.Contains(got, sc.TraceID().String()) {
		t.Errorf("the right call finds nothing: %s", got)
	}
}

func manyArguments() string {
	all := map[string]int{}
	many(maxGiven+1, func(i int) { all[numbered("limit", i)] = i })
	return string(encode(all))
}

func FuzzArguments(f *testing.F) {
	f.Add(`{"limit":"5"}`)
	f.Add(`"{\"since\":1e300}"`)
	f.Add(`{"min_ms":-1,"since":"-5m","trace_id":[["x"]],"group":{}}`)
	f.Fuzz(func(t *testing.T, raw string) {
		for _, tool := range tools() {
			in, err := tool.parse(json.RawMessage(raw))
			if (in == nil) == (err == nil) {
				t.Fatalf("%s: %v, %v", tool.name, in, err)
			}
			if err != nil {
				continue
			}
			if again, err := tool.parse(encode(written(in))); err != nil || fmt.Sprint(again) != fmt.Sprint(in) {
				t.Errorf("%s: %v is written as %s: %v", tool.name, in, encode(written(in)), err)
			}
		}
	})
}

func TestExamplesAreRight(t *testing.T) {
	for _, tool := range tools() {
		if _, err := tool.parse(encode(tool.example)); err != nil {
			t.Errorf("%s: %v", tool.name, err)
		}
		required := slices.ContainsFunc(tool.takes, func(a argument) bool { return a.required })
		if required && tool.example == nil {
			t.Errorf("%s has no example", tool.name)
		}
	}
}

// TestOlderRecordsFollow goes on with older records, of which fewer fit into an
// answer than were asked for, until there are none. Many are of one moment.
func TestOlderRecordsFollow(t *testing.T) {
	for name, each := range map[string]int{"each of its moment": 1, "seven of a moment": 7, "all of a moment": 1000} {
		t.Run(name, func(t *testing.T) {
			const records = 40
			r := newRig(t)
			long := attribute.StringSlice("notes", []string{strings.Repeat("x ", 150)})
			begun := time.Now().Add(-time.Minute)
			for i := range records {
				var rec log.Record
				rec.SetTimestamp(begun.Add(time.Duration(i/each) * time.Millisecond))
				rec.SetSeverity([]log.Severity{log.SeverityInfo, log.SeverityWarn}[i%2]) // so that they are in two rings
				rec.SetBody(attribute.StringValue(fmt.Sprintf("record %d of %s", i, strings.Repeat("y ", 140))))
				for n := range maxItems {
					rec.AddAttributes(attribute.KeyValue{Key: attribute.Key(fmt.Sprint("notes", n)), Value: long.Value})
				}
				r.LP.Logger("shop").Emit(t.Context(), rec)
			}
			r.wantAll(t, records, "search_logs", map[string]any{"limit": records, "group": false}, func(text string) (ids []string) {
				var a struct{ Records []struct{ Body string } }
				if err := json.Unmarshal([]byte(text), &a); err != nil {
					t.Fatal(err)
				}
				for _, one := range a.Records {
					ids = append(ids, strings.Fields(one.Body)[1])
				}
				return ids
			})
		})
	}
}

// TestOlderTracesFollow as older records do.
func TestOlderTracesFollow(t *testing.T) {
	for name, each := range map[string]int{"each of its moment": 1, "seven of a moment": 7, "all of a moment": 1000} {
		t.Run(name, func(t *testing.T) {
			const traces = 40
			r := newRig(t)
			begun := time.Now().Add(-time.Minute)
			for i := range traces {
				at := begun.Add(time.Duration(i/each) * time.Millisecond)
				_, s := r.TP.Tracer("shop").Start(t.Context(), "order", trace.WithTimestamp(at))
				s.End(trace.WithTimestamp(at.Add(time.Second)))
			}
			r.wantAll(t, traces, "search_traces", map[string]any{"limit": 6}, func(text string) (ids []string) {
				var a struct {
					Traces []struct {
						ID string `json:"trace_id"`
					}
				}
				if err := json.Unmarshal([]byte(text), &a); err != nil {
					t.Fatal(err)
				}
				for _, one := range a.Traces {
					ids = append(ids, one.ID)
				}
				return ids
			})
		})
	}
}

// wantAll follows the calls for what is older until there is none, and wants each
// item once.
func (r *rig) wantAll(t *testing.T, items int, tool string, in map[string]any, idsOf func(text string) []string) {
	t.Helper()
	seen := map[string]int{}
	pages := 0
	for ; in != nil && pages < items; pages++ {
		text, isError := r.called(t, readToken, tool, in)
		ids := idsOf(text)
		if isError || len(ids) == 0 {
			t.Fatalf("page %d: %.200s", pages, text)
		}
		for _, id := range ids {
			seen[id]++
		}
		in = nil
		for _, s := range checkAnswer(t, tool, text).Next {
			if strings.HasPrefix(s.Reason, "older") {
				in = s.Arguments
			}
		}
	}
	if len(seen) != items || pages < 2 {
		t.Errorf("%d of %d were seen on %d pages", len(seen), items, pages)
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s was seen %d times", id, n)
		}
	}
}
