package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"

	opsconsole "github.com/otelmon/otelmon-go/console"
	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/keys"
	"github.com/otelmon/otelmon-go/internal/taptest"
)

// program is a console over HTTP, with a token and telemetry.
func program(t *testing.T, state string) (environ []string, rig *taptest.Rig, id string) {
	t.Helper()
	con := opsconsole.New(opsconsole.Options{ReadToken: aToken})
	rig = taptest.New(t, con)
	server := httptest.NewServer(http.StripPrefix("/debug/otelmon", con.Handler()))
	t.Cleanup(server.Close)

	ctx, span := rig.Span(t.Context(), "POST /orders")
	_, child := rig.Span(ctx, "INSERT \x1b[2Jorders")
	child.SetStatus(codes.Error, "connection refused")
	child.End()
	rig.Log(ctx, log.SeverityError, "", "could not save order 7")
	span.End()
	_, op := rig.Bulk(t.Context(), "bulk import.users", attribute.String(keys.BulkOperationID, "1"), attribute.String(keys.BulkOperationName, "import.users"),
		attribute.Int(keys.BulkItemsTotal, 100), attribute.Int(keys.BulkItemsOK, 25))
	t.Cleanup(func() { op.End() })
	rig.Status(t, map[string]string{"db": state, "cache": store.StateHealthy}, state)
	if state != store.StateHealthy {
		rig.Change(t, "db", store.StateHealthy, state, "no route")
	}
	return []string{addressVariable + "=" + server.URL + "/debug/otelmon", tokenVariable + "=" + aToken, "COLUMNS=100"}, rig, span.SpanContext().TraceID().String()
}

func call(t *testing.T, environ []string, args ...string) (code int, out, faults string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), args, console{&o, &e, environ})
	return code, o.String(), e.String()
}

func TestViewsOfAProgram(t *testing.T) {
	t.Parallel()
	environ, _, id := program(t, store.StateUnhealthy)
	nobody := strings.Repeat("f", traceID)
	for _, tc := range []struct {
		args  string
		want  int
		words []string
	}{
		{"status", exitFailed, []string{"shop 1.4.0  UNHEALTHY", "FINDINGS", "unhealthy  db", "no route", "healthy    cache", "import.users", " 25 %", "TELEMETRY", "failed spans: 1, warnings and errors: 2", "could not save order 7"}},
		{"ops", exitOK, []string{"1 running, 0 ended", "import.users  running", "25 of 100"}},
		{"trace", exitOK, []string{"Newest", "Failed", "Slowest", id[:8], "POST /orders"}},
		{"trace -failed -n 1 -since 1h", exitOK, []string{"1 of 1", id[:8]}},
		{"trace -q nothing", exitOK, []string{"0 of 0"}},
		{"trace " + id, exitOK, []string{id, "● POST /orders", "INSERT orders", "connection refused", "LOGS", "could not save"}},
		{"trace " + strings.ToUpper(id[:9]) + " -json", exitOK, []string{`"trace_id":"` + id}},
		{"trace xyz", exitUsage, []string{"no trace id"}},
		{"trace " + id + " and", exitUsage, []string{`no argument "and"`}},
		{"trace " + nobody, exitFailed, []string{"nothing of this trace is kept", "all is kept since 20"}},
		{"trace " + nobody[:7], exitFailed, []string{"needs its whole id"}},
		{"logs", exitOK, []string{"ERROR could not save order 7", "trace=" + id[:8]}},
		{"logs -trace " + id, exitOK, []string{"could not save order 7"}},
		{"logs -q nothing", exitOK, nil},
		{"logs -patterns -level warn", exitOK, []string{"could not save order <num>"}},
		{"logs -patterns -f", exitUsage, []string{"-patterns or -f"}},
		{"logs -level loud", exitUsage, []string{"want one of trace, debug"}},
		{"logs -f -every 1ms", exitUsage, []string{"100ms at least"}},
		{"ops -f -every 1ms", exitUsage, []string{"100ms at least"}},
		{"watch -every x", exitUsage, []string{"invalid value"}},
		{"status more", exitUsage, []string{`no argument "more"`}},
		{"status -h", exitOK, []string{"Exit code 0", "3 that no console answers", "-token-file"}},
		{"status -token-file /nowhere", exitUnreached, []string{"-token-file: open /nowhere"}},
		{"status -url nowhere", exitUnreached, []string{"is no address of a console"}},
		{"status -url http://127.0.0.1:1", exitUnreached, []string{"does not answer"}},
		{"watch -url http://127.0.0.1:1", exitUnreached, []string{"does not answer"}},
	} {
		code, out, faults := call(t, environ, strings.Fields(tc.args)...)
		if code != tc.want {
			t.Errorf("%s: exit code %d, want %d: %s", tc.args, code, tc.want, faults)
		}
		for _, word := range tc.words {
			if !strings.Contains(out+faults, word) {
				t.Errorf("%s: no %q in\n%s%s", tc.args, word, out, faults)
			}
		}
		if strings.Contains(out+faults, "\x1b") {
			t.Errorf("%s: an escape off a terminal: %q", tc.args, out)
		}
	}
}

func TestStatusCodes(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]int{store.StateHealthy: exitOK, store.StateDegraded: exitFailed, store.StateUnhealthy: exitFailed} {
		environ, _, _ := program(t, state)
		if code, out, faults := call(t, environ, "status"); code != want {
			t.Errorf("%s: exit code %d\n%s%s", state, code, out, faults)
		}
	}
}

func TestTokenOfViews(t *testing.T) {
	t.Parallel()
	environ, _, _ := program(t, store.StateHealthy)
	if code, out, faults := call(t, environ[:1], "status"); code != exitUnreached || out != "" || !strings.Contains(faults, tokenVariable) {
		t.Errorf("exit code %d: %s%s", code, out, faults)
	}
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(aToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, faults := call(t, environ[:1], "status", "-token-file", file); code != exitOK {
		t.Errorf("exit code %d: %s", code, faults)
	}
}

func TestJSONOfViews(t *testing.T) {
	t.Parallel()
	environ, _, _ := program(t, store.StateHealthy)
	for _, tc := range []struct{ args, field string }{
		{"status -json", "diagnosis"}, {"ops -json", "operations"}, {"trace -json", "traces"}, {"logs -json", "logs"}, {"logs -patterns -json", "patterns"},
	} {
		_, out, faults := call(t, environ, strings.Fields(tc.args)...)
		var answer map[string]json.RawMessage
		if err := json.Unmarshal([]byte(out), &answer); err != nil || answer[tc.field] == nil || strings.Count(out, "\n") != 1 {
			t.Errorf("%s: %v: %s%s", tc.args, err, out, faults)
		}
	}
}

// TestOlderConsole is one without the diagnosis, and an address that is no console's.
func TestOlderConsole(t *testing.T) {
	t.Parallel()
	con := opsconsole.New(opsconsole.Options{}).Handler()
	older := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/diagnosis" {
			http.NotFound(w, r)
			return
		}
		con.ServeHTTP(w, r)
	}))
	defer older.Close()
	if code, out, faults := call(t, nil, "status", "-url", older.URL); code != exitOK || !strings.Contains(out, "No diagnosis: the console at") {
		t.Errorf("exit code %d: %s%s", code, out, faults)
	}
	for _, body := range []string{`{"summary":`, `[]`, "<html>\x1b[2J"} {
		other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, body) }))
		for _, args := range []string{"status", "ops", "logs", "trace"} {
			if code, out, faults := call(t, nil, args, "-url", other.URL); code != exitUnreached || strings.Contains(out+faults, "\x1b") {
				t.Errorf("%q: exit code %d: %s%s", body, code, out, faults)
			}
		}
		other.Close()
	}
}

func TestFollowLogs(t *testing.T) {
	t.Parallel()
	environ, rig, _ := program(t, store.StateHealthy)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out := &expecting{wants: []string{"could not save order 7", "a new one", `"body":"as JSON"`}, found: make(chan string)}
	for i, args := range []string{"logs -f -every 100ms -level error", "logs -f -every 100ms -level error -json"} {
		ctx, stop := context.WithCancel(ctx)
		ended := make(chan int)
		go func() { ended <- run(ctx, strings.Fields(args), console{out, &bytes.Buffer{}, environ}) }()
		if i == 0 {
			<-out.found
			rig.Log(t.Context(), log.SeverityError, "", "a new one")
		} else {
			rig.Log(t.Context(), log.SeverityError, "", "as JSON")
		}
		select {
		case <-out.found:
		case <-ctx.Done():
			t.Error("nothing came")
		}
		stop()
		if code := <-ended; code != exitOK {
			t.Errorf("exit code %d", code)
		}
	}
	if n := strings.Count(out.text.String(), "ERROR a new one"); n != 1 {
		t.Errorf("told %d times:\n%s", n, &out.text)
	}
}

// expecting tells when each text has been written.
type expecting struct {
	text  strings.Builder
	wants []string
	found chan string
}

func (e *expecting) Write(p []byte) (int, error) {
	_, _ = e.text.Write(p)
	for len(e.wants) > 0 && strings.Contains(e.text.String(), e.wants[0]) {
		e.found <- e.wants[0]
		e.wants = e.wants[1:]
	}
	return len(p), nil
}

func TestFollowOffATerminal(t *testing.T) {
	t.Parallel()
	environ, _, _ := program(t, store.StateUnhealthy)
	for args, want := range map[string]string{
		"watch":       "shop unhealthy: ",
		"watch -json": `"diagnosis":{`,
		"ops -f":      "import.users running: 25 %",
	} {
		ctx, stop := context.WithCancel(t.Context())
		out := &expecting{wants: []string{want}, found: make(chan string)}
		ended := make(chan int)
		go func() { ended <- run(ctx, strings.Fields(args+" -every 100ms"), console{out, io.Discard, environ[:2]}) }()
		select {
		case <-out.found:
		case code := <-ended:
			t.Fatalf("%s: exit code %d", args, code)
		}
		stop()
		if code := <-ended; code != exitOK || strings.Contains(out.text.String(), "\x1b") {
			t.Errorf("%s: exit code %d, %q", args, code, &out.text)
		}
	}
}

func TestTail(t *testing.T) {
	t.Parallel()
	at := func(second int, body string) store.LogRecord {
		return store.LogRecord{Time: time.Unix(int64(second), 0), Body: body, TraceID: trace.TraceID{1}.String()}
	}
	bodies := func(l store.LogList) (text string) {
		for _, r := range l.Logs {
			text += r.Body
		}
		return text
	}
	var tail tail
	for _, tc := range []struct {
		list   store.LogList
		want   string
		missed bool
	}{
		{store.LogList{Logs: []store.LogRecord{at(3, "c"), at(2, "b")}, Truncated: true}, "cb", false},
		{store.LogList{Logs: []store.LogRecord{at(3, "c"), at(2, "b"), at(1, "a")}, Truncated: true}, "", false},
		{store.LogList{Logs: []store.LogRecord{at(4, "e"), at(4, "d"), at(3, "c"), at(3, "c"), at(2, "b")}, Truncated: true}, "edc", false},
		{store.LogList{Logs: []store.LogRecord{at(4, "e"), at(4, "d"), at(3, "late"), at(3, "c"), at(3, "c"), at(2, "b")}}, "late", false},
		{store.LogList{Logs: []store.LogRecord{at(9, "z"), at(8, "y")}, Truncated: true}, "zy", true},
		{store.LogList{}, "", false},
		{store.LogList{Logs: []store.LogRecord{at(10, "new program")}}, "new program", false},
		{store.LogList{Logs: []store.LogRecord{at(10, "new program"), at(5, "of before, but late")}}, "of before, but late", false},
	} {
		missed := tail.cut(&tc.list)
		if got := bodies(tc.list); got != tc.want || missed != tc.missed {
			t.Errorf("%q, want %q; missed %v", got, tc.want, missed)
		}
	}
}

func TestCompleteID(t *testing.T) {
	t.Parallel()
	list := []store.TraceSummary{{TraceID: "aa1", Name: "\x1b[2Jone"}, {TraceID: "aa2"}, {TraceID: "b"}, {TraceID: "b"}}
	if id, err := complete("b", list); id != "b" || err != nil {
		t.Errorf("%s, %v", id, err)
	}
	if _, err := complete("a", list); err == nil || !strings.Contains(err.Error(), "2 traces begin with a") || strings.Contains(err.Error(), "\x1b") {
		t.Error(err)
	}
}

func TestWriteJSONHidesNothing(t *testing.T) {
	t.Parallel()
	text := "\u202e\u009b31m\U000E0041 ä😀"
	raw := json.RawMessage("{\n\t\"a\": \"" + text + "\"\r\n}")
	var b strings.Builder
	if err := writeJSON(&b, raw); err != nil {
		t.Fatal(err)
	}
	var back map[string]string
	if err := json.Unmarshal([]byte(b.String()), &back); err != nil || back["a"] != text {
		t.Errorf("%v, %q of %q", err, back, b.String())
	}
	if store.Clean(b.String()) != b.String() || strings.Count(b.String(), "\n") != 1 || !strings.Contains(b.String(), "ä😀") {
		t.Errorf("%q", b.String())
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish"} {
		code, out, _ := call(t, nil, "completion", shell)
		for _, word := range []string{"status", "patterns", "token-file", "trace debug info", "bash fish zsh", "env-file"} {
			if code != exitOK || !strings.Contains(out, word) {
				t.Errorf("%s: exit code %d, no %q in\n%s", shell, code, word, out)
			}
		}
		if path, err := exec.LookPath(shell); err == nil {
			check := exec.CommandContext(t.Context(), path, "-n")
			check.Stdin = strings.NewReader(out)
			if answer, err := check.CombinedOutput(); err != nil {
				t.Errorf("%s: %v: %s", shell, err, answer)
			}
		}
	}
	for _, args := range [][]string{{"completion"}, {"completion", "dos"}, {"completion", "bash", "zsh"}} {
		if code, _, faults := call(t, nil, args...); code != exitUsage || faults == "" {
			t.Errorf("%v: exit code %d: %s", args, code, faults)
		}
	}
}

func TestCompletionInBash(t *testing.T) {
	t.Parallel()
	path, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash here")
	}
	_, script, _ := call(t, nil, "completion", "bash")
	for line, want := range map[string]string{
		"otelmon st":            "status",
		"otelmon trace -r":      "-running",
		"otelmon logs -level e": "error",
		"otelmon logs -q e":     "",
		"otelmon completion z":  "zsh",
	} {
		words := strings.Fields(line)
		ask := fmt.Sprintf("%s\nCOMP_WORDS=(%s)\nCOMP_CWORD=%d\n_otelmon\necho ${COMPREPLY[*]}", script, line, len(words)-1)
		out, err := exec.CommandContext(t.Context(), path, "-c", ask).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%s: %q, want %q; %v", line, got, want, err)
		}
	}
}

func TestTokenFile(t *testing.T) {
	t.Parallel()
	environ, _, _ := program(t, store.StateHealthy)
	file := filepath.Join(t.TempDir(), "token")
	for _, tc := range []struct {
		content string
		mode    os.FileMode
		want    int
		says    string
	}{
		{"\n", 0o600, exitUnreached, "is empty"}, // and not the token of the variable
		{aToken + "\n", 0o600, exitOK, ""},
		{aToken, 0o640, exitOK, "others on this machine may read the token: chmod 600 " + file},
	} {
		if err := os.WriteFile(file, []byte(tc.content), tc.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, tc.mode); err != nil {
			t.Fatal(err)
		}
		code, _, faults := call(t, environ, "status", "-token-file", file)
		if code != tc.want || !strings.Contains(faults, tc.says) || (tc.says == "" && faults != "") {
			t.Errorf("%q, %v: exit code %d: %s", tc.content, tc.mode, code, faults)
		}
	}
}

// TestAddressesKeepTheirPassword is of an address with one that is not asked for.
func TestAddressesKeepTheirPassword(t *testing.T) {
	t.Parallel()
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer refusing.Close()
	for _, address := range []string{strings.Replace(refusing.URL, "://", "://me:hunter2@", 1), "http://me:hunter2@127.0.0.1:1", "ftp://me:hunter2@127.0.0.1"} {
		if code, out, faults := call(t, nil, "status", "-url", address); code != exitUnreached || faults == "" || strings.Contains(out+faults, "hunter2") {
			t.Errorf("exit code %d: %s%s", code, out, faults)
		}
		p := startBridge(t, address)
		if got := p.ask(1, "tools/call", `{"name":"diagnose",`+modern+`}`); !strings.Contains(got, `"isError":true`) || strings.Contains(got, "hunter2") {
			t.Error(got)
		}
		p.close()
	}
}
