package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/otelmon/otelmon-go/console"
	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/faultcases"
)

// Bounds of what a caller needs to name the cause. A token is about four bytes.
const (
	heldOut     = 2000 // a seed that no rule was made with, and that package diagnosis does not play
	leastFirst  = 0.9  // of the cases, the first finding is the right one; it is always among the first three
	healthyRuns = 5

	mostTokens      = 4_000 // of one who asks for a diagnosis, in one call, and of one who makes mistakes
	mostSloppyCalls = 2     // of the latter, for each question
	mostNaiveCalls  = 3     // of one who asks for something else first, until the findings are there
	mostNaiveTokens = 6_000
	mostHops        = 3 // calls that one makes who then follows the first of what each answer proposes
	mostHopTokens   = 8_000
)

// scripted is a client that follows a script where a model would think.
type scripted struct {
	t       *testing.T
	session *sdk.ClientSession
	calls   int
	bytes   int
	made    map[string]bool
}

// inProcess is the way to a handler without a network.
type inProcess struct{ h http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	asked := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), r.Body)
	asked.Header = r.Header
	asked.RemoteAddr = "127.0.0.1:50000"
	asked.Header.Set("Authorization", "Bearer "+readToken)
	w := httptest.NewRecorder()
	p.h.ServeHTTP(w, asked)
	return w.Result(), nil
}

// clientOf connects the SDK's client with a console over a store.
func clientOf(t *testing.T, st *store.Store) *sdk.ClientSession {
	t.Helper()
	con := console.New(console.Options{ReadToken: readToken})
	con.Store = st
	Mount(con)
	transport := &sdk.StreamableClientTransport{
		Endpoint: "http://localhost:8080/debug/mcp", HTTPClient: &http.Client{Transport: inProcess{con.Handler()}}, MaxRetries: -1, DisableStandaloneSSE: true,
	}
	session, err := sdk.NewClient(&sdk.Implementation{Name: "scripted", Version: "1"}, nil).Connect(t.Context(), transport, nil)
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// by returns a caller that has not asked yet.
func by(t *testing.T, session *sdk.ClientSession) *scripted {
	t.Helper()
	return &scripted{t: t, session: session, made: map[string]bool{}}
}

func (c *scripted) tokens() int { return c.bytes / 4 }

// ask makes a call and returns what came of it as text, and the text of an error
// as that.
func (c *scripted) ask(tool string, arguments any) (string, error) {
	c.t.Helper()
	c.calls++
	c.made[key(tool, arguments)] = true
	result, err := c.session.CallTool(context.WithoutCancel(c.t.Context()), &sdk.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		return "", err
	}
	text, ok := result.Content[0].(*sdk.TextContent)
	if !ok {
		c.t.Fatalf("%s: %T", tool, result.Content[0])
	}
	c.bytes += len(text.Text)
	if result.IsError {
		return "", errors.New(text.Text)
	}
	return text.Text, nil
}

// heard is what a caller reads of an answer.
type heard struct {
	Findings []heardFinding
	Next     []step
}

type heardFinding struct {
	Kind, Component string
	Evidence        []struct{ Type, Ref string }
	Next            []step
}

func (c *scripted) read(text string) (h heard) {
	c.t.Helper()
	if err := json.Unmarshal([]byte(text), &h); err != nil {
		c.t.Fatalf("%v: %s", err, text)
	}
	return h
}

// key is the same for the same call.
func key(tool string, arguments any) string {
	return strings.NewReplacer("null", "", "{}", "").Replace(tool + " " + string(encode(arguments)))
}

// first returns the first of the calls that was not made yet.
func (c *scripted) first(next []step) (step, bool) {
	i := slices.IndexFunc(next, func(s step) bool { return !c.made[key(s.Tool, s.Arguments)] })
	if i < 0 {
		return step{}, false
	}
	return next[i], true
}

// score is how often a sort of caller is right, and what that costs at most.
type score struct{ runs, first, calls, tokens, sum int }

// judge fails the test when what is expected is not among the first findings.
func (s *score) judge(c *scripted, h heard, want []faultcases.Expected) {
	c.t.Helper()
	s.runs++
	s.calls, s.tokens, s.sum = max(s.calls, c.calls), max(s.tokens, c.tokens()), s.sum+c.tokens()
	right := len(want) == 0 && len(h.Findings) == 0
	if len(want) == 0 && !right {
		c.t.Errorf("nothing is wrong, but %s %s", h.Findings[0].Kind, h.Findings[0].Component)
	}
	for _, e := range want {
		at := slices.IndexFunc(h.Findings, func(f heardFinding) bool {
			return f.Kind == e.Kind && slices.Contains(e.Components, f.Component)
		})
		if at < 0 || at > 2 {
			c.t.Errorf("%v is number %d of %d", e, at+1, len(h.Findings))
		}
		right = right || at == 0
	}
	if right {
		s.first++
	}
}

// within fails the test when the bounds do not hold.
func (s *score) within(t *testing.T, who string, calls, tokens int) {
	t.Helper()
	t.Logf("%s: the first finding is right in %d of %d; at most %d calls and %d tokens, %d on average", who, s.first, s.runs, s.calls, s.tokens, s.sum/max(s.runs, 1))
	if float64(s.first) < leastFirst*float64(s.runs) || s.calls > calls || s.tokens > tokens {
		t.Errorf("%s: want %.0f %%, %d calls and %d tokens", who, 100*leastFirst, calls, tokens)
	}
}

// TestCallersFindTheCause plays the catalogue of faults to callers that follow
// scripts, over the real handler: one that asks for a diagnosis, one that then
// follows what is proposed, one that asks for something else first, and one that
// makes mistakes.
func TestCallersFindTheCause(t *testing.T) {
	var diagnosing, following, sloppy score
	naive := map[string]*score{}
	for _, entry := range entries() {
		naive[entry.Tool] = &score{}
	}
	for i, fault := range faultcases.All() {
		t.Run(fault.Name, func(t *testing.T) {
			fault.Play(t, heldOut, func(t *testing.T, st *store.Store, want []faultcases.Expected, _ []string) {
				t.Helper()
				session := clientOf(t, st)
				defer func() { _ = session.Close() }()
				h := diagnoses(by(t, session), &diagnosing, want)
				follows(by(t, session), &following, want)
				for _, entry := range entries() {
					asksElsewhere(by(t, session), entry, naive[entry.Tool], want)
				}
				isSloppy(by(t, session), i, &sloppy, want)
				resolves(by(t, session), h)
			})
		})
	}
	diagnosing.within(t, "who asks for a diagnosis", 1, mostTokens)
	following.within(t, "who follows what it proposes", 1+mostHops, mostHopTokens)
	for tool, s := range naive {
		s.within(t, "who begins with "+tool, mostNaiveCalls, mostNaiveTokens)
	}
	sloppy.within(t, "who makes mistakes", 2*mostSloppyCalls, mostTokens)
}

func diagnoses(c *scripted, s *score, want []faultcases.Expected) heard {
	c.t.Helper()
	text, err := c.ask("diagnose", nil)
	if err != nil {
		c.t.Fatal(err)
	}
	h := c.read(text)
	s.judge(c, h, want)
	return h
}

// follows makes the first call that each answer proposes and that is a new one.
// Where something is wrong, there is one, and it finds something.
func follows(c *scripted, s *score, want []faultcases.Expected) {
	c.t.Helper()
	text, err := c.ask("diagnose", nil)
	if err != nil {
		c.t.Fatal(err)
	}
	h := c.read(text)
	next := h.Next
	for hop := range mostHops {
		call, ok := c.first(next)
		if !ok && len(want) == 0 {
			break
		} else if !ok {
			c.t.Errorf("nothing is proposed after %d hops; made: %v", hop, c.made)
			break
		}
		text, err = c.ask(call.Tool, call.Arguments)
		if err != nil || len(want) > 0 && !finds(text) {
			c.t.Errorf("hop %d, %+v, leads nowhere: %v %s", hop, call, err, text)
			break
		}
		next = c.read(text).Next
	}
	s.judge(c, h, want)
}

// finds tells whether an answer has anything in one of its lists, or a span.
func finds(text string) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &members) != nil {
		return false
	}
	for name, v := range members {
		var list []json.RawMessage
		_ = json.Unmarshal(v, &list) // what is none has none
		if name == "span" || len(list) > 0 && !slices.Contains([]string{"next", "links", "truncated"}, name) {
			return true
		}
	}
	return false
}

// entries are where a caller begins that was not told to diagnose.
func entries() []step {
	return []step{
		{Tool: "get_status"},
		{Tool: "search_logs", Arguments: map[string]any{"level": "error"}},
		{Tool: "search_traces", Arguments: map[string]any{"errors_only": true}},
	}
}

// asksElsewhere makes the calls that the first answer proposes, and those that
// these do, until one has findings.
func asksElsewhere(c *scripted, entry step, s *score, want []faultcases.Expected) {
	c.t.Helper()
	text, err := c.ask(entry.Tool, entry.Arguments)
	if err != nil {
		c.t.Fatal(err)
	}
	open := c.read(text).Next
	for c.calls < mostNaiveCalls {
		call, ok := c.first(open)
		if !ok {
			break
		}
		if text, err = c.ask(call.Tool, call.Arguments); err != nil {
			c.t.Errorf("%+v: %v", call, err)
			break
		}
		if strings.Contains(text, `"findings":`) {
			s.judge(c, c.read(text), want)
			return
		}
		open = append(open, c.read(text).Next...)
	}
	c.t.Errorf("%s: no way to the findings in %d calls: %v", entry.Tool, c.calls, c.made)
}

// mistakes are ways to get a call of diagnose wrong.
func mistakes() []struct{ tool, arguments string } {
	return []struct{ tool, arguments string }{
		{"diagnose", `{"limit":"5","SINCE":"15 m","Component":"null"}`},
		{"diagnose", `{"max_findings":3}`},
		{"diagnose", `{"ssince":"15m","limti":5}`},
		{"diagnose", `{"since":"a while"}`},
		{"Diagnose", `{"since":900}`},
		{"diagnose", `"{\"limit\":5.0}"`},
		{"diagnose", `{"limit":-1}`},
		{"diagnose", `[]`},
		{"diagnos", `{}`},
	}
}

// isSloppy asks for a diagnosis and for the trace that it shows, both wrong, and
// does what the error says.
func isSloppy(c *scripted, which int, s *score, want []faultcases.Expected) {
	c.t.Helper()
	m := mistakes()[which%len(mistakes())]
	text := c.insist(m.tool, json.RawMessage(m.arguments))
	h := c.read(text)
	for _, f := range h.Findings {
		for _, e := range f.Evidence {
			if e.Type == "trace" {
				wrong := []string{
					`{"traceId":"` + strings.ToUpper(e.Ref[:8]) + `","view":"tre"}`, `{"trace":"` + e.Ref + `"}`, `{"trace_id":"` + e.Ref + `","view":"everything"}`, `{}`,
				}
				if text := c.insist("get_trace", json.RawMessage(wrong[which%len(wrong)])); !finds(text) {
					c.t.Errorf("nothing in %s", text)
				}
				s.judge(c, h, want)
				return
			}
		}
	}
	s.judge(c, h, want)
}

// insist makes a call, and when it is wrong the one that is named in the error.
func (c *scripted) insist(tool string, arguments json.RawMessage) string {
	c.t.Helper()
	text, err := c.ask(tool, arguments)
	for n := 1; err != nil && n < mostSloppyCalls; n++ {
		_, right, ok := strings.Cut(err.Error(), "A right call: ")
		name, with, _ := strings.Cut(right, " ")
		if _, like, isTool := strings.Cut(err.Error(), "is it "); isTool {
			name, _, ok = strings.Cut(like, "?")
			with = string(arguments)
		}
		if !ok {
			break
		}
		text, err = c.ask(name, json.RawMessage(with))
	}
	if err != nil {
		c.t.Errorf("%s %s: %v", tool, arguments, err)
		return "{}"
	}
	return text
}

// resolves finds all evidence again by the tool that is named for its type.
func resolves(c *scripted, h heard) {
	c.t.Helper()
	for _, f := range h.Findings {
		for _, e := range f.Evidence {
			tool, arguments := toolOf(e.Type, e.Ref)
			text, err := c.ask(tool, arguments)
			shown := ""
			switch e.Type {
			case "runtime":
				shown = `"name":"` + e.Ref + `"`
			case "start":
				shown = `"version":"` + e.Ref + `"`
			}
			if err != nil || !finds(text) || !strings.Contains(text, shown) {
				c.t.Errorf("%s %s: evidence %s %q: %v %s", f.Kind, f.Component, e.Type, e.Ref, err, text)
			}
		}
		for _, s := range f.Next {
			if s.Tool == "take_profile" {
				c.t.Errorf("%+v is proposed to who may only read", s)
			}
		}
	}
}

// toolOf is what the definition of diagnose says of evidence.
func toolOf(sort, ref string) (tool string, arguments map[string]any) {
	switch sort {
	case "trace":
		return "get_trace", map[string]any{"trace_id": ref}
	case "log":
		return "search_logs", map[string]any{"text": ref}
	case "metric", "delivery":
		return "query_metrics", map[string]any{"name": ref}
	case "check":
		return "get_status", map[string]any{"component": ref}
	case "start":
		return "get_status", nil
	case "operation":
		return "list_operations", map[string]any{"name": ref}
	case "runtime":
		return "get_runtime", map[string]any{"sections": "figures", "limit": 50}
	default:
		return "a tool for evidence of type " + sort, nil
	}
}

// TestNothingIsFoundWhenNothingIsWrong asks healthy programs.
func TestNothingIsFoundWhenNothingIsWrong(t *testing.T) {
	var s score
	for seed := range uint64(healthyRuns) {
		faultcases.Nothing().Play(t, heldOut+seed, func(t *testing.T, st *store.Store, want []faultcases.Expected, _ []string) {
			t.Helper()
			session := clientOf(t, st)
			defer func() { _ = session.Close() }()
			diagnoses(by(t, session), &s, want)
		})
	}
	s.within(t, "who asks a healthy program", 1, mostTokens)
}
