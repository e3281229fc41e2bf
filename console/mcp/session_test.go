package mcp

import (
	"bufio"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelmon/otelmon-go/console"
	"github.com/otelmon/otelmon-go/internal/keys"
)

func TestResources(t *testing.T) {
	r := newRig(t)
	sc := r.fill(t, "checkout")
	r.Status(t, map[string]string{"a/b c": "healthy"}, "healthy")
	read := func(uri string) (string, string) {
		raw, failed := r.rpc(t, readToken, "resources/read", map[string]any{"uri": uri})
		var got struct{ Contents []struct{ URI, Text string } }
		if failed == "" {
			if err := json.Unmarshal(raw, &got); err != nil || len(got.Contents) != 1 || got.Contents[0].URI != uri {
				t.Fatalf("%s: %s, %v", uri, raw, err)
			}
			return got.Contents[0].Text, ""
		}
		return "", failed
	}
	for uri, want := range map[string]string{
		"otelmon://status":                          `"checks"`,
		"otelmon://traces/" + sc.TraceID().String(): `"critical_path"`,
		"otelmon://operations/checkout":             `"operations":[{"id":"checkout"`,
		"otelmon://components/checkout":             `"name":"checkout"`,
		"otelmon://components/" + "a%2Fb%20c":       `"name":"a/b c"`,
		"otelmon://metrics/shop.duration":           `"p95"`,
	} {
		text, failed := read(uri)
		if !strings.Contains(text, want) {
			t.Errorf("%s: %s %s", uri, failed, text)
			continue
		}
		checkAnswer(t, uri, text)
	}
	for _, uri := range []string{
		"otelmon://nothing", "otelmon://traces/xyz", "otelmon://traces/" + strings.Repeat("0", 31) + "1", "otelmon://operations/x", "otelmon://components/x", "otelmon://metrics/x", "file:///etc/passwd",
	} {
		if text, failed := read(uri); !strings.Contains(failed, "not found") {
			t.Errorf("%s: %s %s", uri, failed, text)
		}
	}
}

func TestPromptsAndCompletion(t *testing.T) {
	r := newRig(t)
	r.fill(t, "checkout")
	raw, failed := r.rpc(t, readToken, "prompts/get", map[string]any{"name": "diagnose_service", "arguments": map[string]any{"component": "db", "symptom": "slow\u202e"}})
	if failed != "" || !strings.Contains(string(raw), `component \"db\"`) || strings.Contains(string(raw), "\u202e") {
		t.Errorf("%s %s", failed, raw)
	}
	if raw, failed = r.rpc(t, readToken, "prompts/get", map[string]any{"name": "incident_report"}); failed != "" || !strings.Contains(string(raw), "since 15m") {
		t.Errorf("%s %s", failed, raw)
	}
	for _, tc := range []struct {
		ref      map[string]any
		argument string
		typed    string
		want     string
	}{
		{map[string]any{"type": "ref/prompt", "name": "diagnose_service"}, "component", "CHECK", `"values":["checkout"]`},
		{map[string]any{"type": "ref/prompt", "name": "diagnose_service"}, "symptom", "", `"values":[]`},
		{map[string]any{"type": "ref/resource", "uri": "otelmon://components/{name}"}, "name", "che", `"values":["checkout"]`},
		{map[string]any{"type": "ref/resource", "uri": "otelmon://operations/{id}"}, "id", "", `"values":["checkout"]`},
		{map[string]any{"type": "ref/resource", "uri": "otelmon://metrics/{name}"}, "name", "duration", `"shop.duration"`},
		{map[string]any{"type": "ref/resource", "uri": "otelmon://traces/{id}"}, "id", "zzz", `"values":[]`},
	} {
		raw, failed := r.rpc(t, readToken, "completion/complete", map[string]any{"ref": tc.ref, "argument": map[string]any{"name": tc.argument, "value": tc.typed}})
		if failed != "" || !strings.Contains(string(raw), tc.want) {
			t.Errorf("%+v: %s %s", tc, failed, raw)
		}
	}
}

// TestSubscription hears of a change by the one stream that there is.
func TestSubscription(t *testing.T) {
	r := newRig(t)
	server := httptest.NewServer(r.h)
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`
	listen := func(uri string) *http.Response {
		body := `{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["` + uri + `"]},` + meta + `}}`
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/mcp", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{
			"Content-Type": "application/json", "Accept": "application/json, text/event-stream", "Authorization": "Bearer " + readToken,
			"Mcp-Method": "subscriptions/listen", "Mcp-Protocol-Version": "2026-07-28",
		} {
			req.Header.Set(name, value)
		}
		resp, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	wrong := listen("otelmon://alerts")
	defer func() { _ = wrong.Body.Close() }()
	if lines := bufio.NewScanner(wrong.Body); !scanFor(lines, "not found") {
		t.Error("a resource that never changes was subscribed to")
	}
	resp := listen(statusURI)
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewScanner(resp.Body)
	if !scanFor(lines, "acknowledged") {
		t.Fatal("not acknowledged")
	}
	r.Change(t, "db", "healthy", "unhealthy", "refused")
	if !scanFor(lines, "notifications/resources/updated") || !strings.Contains(lines.Text(), statusURI) {
		t.Error("not told of the change")
	}
	cancel() // goleak sees to the goroutine
}

func scanFor(lines *bufio.Scanner, text string) bool {
	for lines.Scan() {
		if strings.Contains(lines.Text(), text) {
			return true
		}
	}
	return false
}

func TestActions(t *testing.T) {
	r := newRig(t)
	if text, isError := r.called(t, actToken, "set_log_level", map[string]any{"level": "debug"}); !isError || !strings.Contains(text, "AdoptLogLevel") {
		t.Error(text)
	}
	var level slog.LevelVar
	r.con.AdoptLogLevel(&level)
	text, isError := r.called(t, actToken, "set_log_level", map[string]any{"level": "DEBUG", "for": 60})
	if isError || level.Level() != slog.LevelDebug || !strings.Contains(text, `"usual":"INFO"`) {
		t.Errorf("%v: %s", level.Level(), text)
	}
	if _, err := r.con.SetLogLevel(t.Context(), "the test", slog.LevelInfo, 0); err != nil {
		t.Error(err)
	}
	for _, kind := range []string{console.ProfileHeap, console.ProfileAllocs, console.ProfileGoroutine, console.ProfileCPU, console.ProfileMutex} {
		text, isError := r.called(t, actToken, "take_profile", map[string]any{"kind": kind, "seconds": 1})
		if isError || !strings.Contains(text, `"functions"`) {
			t.Errorf("%s: %s", kind, text)
		}
		if kind == console.ProfileGoroutine && !strings.Contains(text, "testing.") {
			t.Errorf("no goroutine of the test: %s", text)
		}
	}
}

// TestAPanicIsAnError: the SDK answers in goroutines of its own, so a panic would
// end the program.
// TestOneAnswerIsMadeAtATime of all that reads what is kept, with the pages.
func TestOneAnswerIsMadeAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.Shutdown(t)
		page, isDrawn := make(chan struct{}), make(chan struct{})
		go r.con.InTurn(t.Context(), func() {
			close(isDrawn)
			<-page
		})
		<-isDrawn
		var answered atomic.Int32
		for _, tc := range []struct{ method, params string }{
			{"tools/call", `{"name":"diagnose"}`},
			{"tools/call", `{"name":"SearchLogs"}`},
			{"resources/read", `{"uri":"otelmon://status"}`},
			{"completion/complete", `{"ref":{"type":"ref/resource","uri":"otelmon://traces/{id}"},"argument":{"name":"id","value":""}}`},
		} {
			go func() {
				if _, failed := r.rpc(t, readToken, tc.method, json.RawMessage(tc.params)); failed != "" {
					t.Errorf("%s: %s", tc.method, failed)
				}
				answered.Add(1)
			}()
		}
		synctest.Wait()
		if n := answered.Load(); n != 0 {
			t.Errorf("%d answers were made beside the page", n)
		}
		if _, failed := r.rpc(t, readToken, "tools/list", map[string]any{}); failed != "" {
			t.Error(failed)
		}
		if text, isError := r.called(t, actToken, "take_profile", map[string]any{"kind": "goroutine"}); isError {
			t.Errorf("what acts waits for nobody: %s", text)
		}
		close(page)
		synctest.Wait()
		if n := answered.Load(); n != 4 {
			t.Errorf("%d answers after the page", n)
		}
	})
}

func TestAPanicIsAnError(t *testing.T) {
	h := guarded(nil)
	if result, err := h(t.Context(), "tools/call", nil); err == nil || result != nil || !strings.Contains(err.Error(), "tools/call") {
		t.Errorf("%v, %v", result, err)
	}
}

// TestPlantedSecretsAreInNoAnswer plants secrets wherever telemetry has text.
func TestPlantedSecretsAreInNoAnswer(t *testing.T) {
	const secret = "C4n4ryC4n4ryC4n4ryC4n4ryC4n4ryC4n4ry"
	t.Setenv("OTELMON_CANARY_PASSWORD", secret)
	r := newRig(t)
	var told []string
	for _, text := range []string{
		"password=" + secret, "api_key=" + secret + " rejected", "Authorization: Bearer " + secret, "GET https://shop.example/?token=" + secret + "&page=2",
		"postgres://admin:" + secret + "@db:5432/shop", "ghp_" + secret, `{"token":"` + secret + `"}`,
		"customer_iban=" + secret, "kontonr: " + secret,
	} {
		for _, pad := range []int{0, 60, 100, 200, 240, 480, 2035} { // where texts are cut
			told = append(told, strings.Repeat("x", pad)+" "+text)
		}
	}
	var ids []string
	for i, text := range told {
		attrs := []attribute.KeyValue{attribute.String("note", text), attribute.String("db.password", "C4n4ry"), attribute.String("X-Api-Key", "C4n4ry"), attribute.String("Customer-IBAN", "C4n4ry")}
		ctx, span := r.Span(t.Context(), text)
		span.SetAttributes(attrs...)
		span.AddEvent(text)
		span.SetStatus(codes.Error, text)
		span.End()
		ids = append(ids, span.SpanContext().TraceID().String())
		r.Log(ctx, log.SeverityError, "", text, attrs...)
		r.Change(t, numbered("check", i), "healthy", "unhealthy", text)
		opCtx, op := r.Bulk(t.Context(), "bulk "+text, attribute.String(keys.BulkOperationID, text))
		r.Log(opCtx, log.SeverityWarn, keys.EventBulkItemFailed, text, attribute.String(keys.BulkOperationID, text))
		op.SetStatus(codes.Error, text)
		op.End()
		c, err := r.Meter().Int64Counter("shop.calls", metric.WithDescription(text))
		if err != nil {
			t.Fatal(err)
		}
		c.Add(ctx, 1, metric.WithAttributes(attribute.String("target", text)))
	}
	all := calls(spanContext())
	for _, id := range ids {
		for _, v := range []string{"summary", "critical_path", "errors", "tree"} {
			all = append(all, step{Tool: "get_trace", Arguments: map[string]any{"trace_id": id, "view": v}})
		}
	}
	for i := range told {
		all = append(all, step{Tool: "get_status", Arguments: map[string]any{"component": numbered("check", i)}})
		all = append(all, step{Tool: "diagnose", Arguments: map[string]any{"component": numbered("check", i)}})
	}
	for _, s := range all {
		text, _ := r.called(t, readToken, s.Tool, s.Arguments)
		if i := strings.Index(text, "C4n"); i >= 0 {
			t.Errorf("%+v shows %q", s, text[max(0, i-60):min(len(text), i+40)])
		}
	}
}

// TestASessionIsANameAlone: who has one, and whose, makes no difference.
func TestASessionIsANameAlone(t *testing.T) {
	r := newRig(t)
	first := r.post(t, readToken, "initialize", map[string]any{"protocolVersion": "2025-11-25", "capabilities": map[string]any{}, "clientInfo": map[string]any{"name": "test", "version": "1"}})
	id := first.Header().Get(sessionHeader)
	if len(id) < 20 || r.post(t, readToken, "ping", nil).Header().Get(sessionHeader) == id {
		t.Errorf("session %q", id)
	}
	version := []string{versionHeader, "2025-11-25", sessionHeader}
	for name, tc := range map[string]struct {
		token, session string
		want           int
	}{
		"its own": {readToken, id, http.StatusOK}, "of before a restart": {readToken, "gone", http.StatusOK}, "without the token": {"", id, http.StatusUnauthorized},
	} {
		w := r.post(t, tc.token, "tools/list", map[string]any{}, append(version, tc.session)...)
		if w.Code != tc.want || w.Header().Get(sessionHeader) != "" {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
	}
}
