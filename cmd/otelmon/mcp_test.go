package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	opsconsole "github.com/otelmon/otelmon-go/console"
	"github.com/otelmon/otelmon-go/console/mcp"
)

// pipes is a client of the bridge.
type pipes struct {
	t     *testing.T
	to    io.WriteCloser
	lines *bufio.Scanner
	ended chan error
}

func startBridge(t *testing.T, address string) *pipes {
	t.Helper()
	return startBridgeTo(t, &target{address: address})
}

func startBridgeTo(t *testing.T, where *target) *pipes {
	t.Helper()
	in, to := io.Pipe()
	from, out := io.Pipe()
	p := &pipes{t: t, to: to, lines: bufio.NewScanner(from), ended: make(chan error, 1)}
	p.lines.Buffer(nil, maxMessage)
	b := newBridge(where, console{out: out, environ: []string{tokenVariable + "=" + aToken}})
	go func() { p.ended <- b.run(t.Context(), in) }()
	return p
}

// ask sends a request and returns the next line that answers one.
func (p *pipes) ask(id int, method, params string) string {
	p.t.Helper()
	_, _ = fmt.Fprintf(p.to, `{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`+"\n", id, method, params)
	for p.lines.Scan() {
		var m message
		if err := json.Unmarshal(p.lines.Bytes(), &m); err != nil {
			p.t.Fatalf("%v: %s", err, p.lines.Text())
		}
		if string(m.ID) == fmt.Sprint(id) {
			return p.lines.Text()
		}
	}
	p.t.Fatal("the bridge has ended")
	return ""
}

func (p *pipes) close() {
	p.t.Helper()
	_ = p.to.Close()
	if err := <-p.ended; err != nil {
		p.t.Error(err)
	}
}

const (
	modern = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`
	older  = `{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}`
)

func TestBridge(t *testing.T) {
	con := opsconsole.New(opsconsole.Options{ReadToken: aToken})
	mcp.Mount(con)
	server := httptest.NewServer(con.Handler())
	defer server.Close()

	t.Run("a client of now", func(t *testing.T) {
		p := startBridge(t, server.URL)
		defer p.close()
		for i, tc := range []struct{ method, params, want string }{
			{"server/discover", `{` + modern + `}`, `"2026-07-28"`},
			{"tools/list", `{` + modern + `}`, `"diagnose"`},
			{"tools/call", `{"name":"get_status","arguments":{},` + modern + `}`, `\"summary\":`},
			{"resources/read", `{"uri":"otelmon://components/größe",` + modern + `}`, `not found`},
			{"resources/read", `{"uri":"otelmon://status",` + modern + `}`, `otelmon://status`},
			{"no/such", `{` + modern + `}`, `"error"`},
		} {
			if got := p.ask(i, tc.method, tc.params); !strings.Contains(got, tc.want) {
				t.Errorf("%s: %s", tc.method, got)
			}
		}
		if _, err := fmt.Fprintln(p.to, "nonsense"); err != nil || !p.lines.Scan() || !strings.Contains(p.lines.Text(), "-32700") {
			t.Errorf("%v, %s", err, p.lines.Text())
		}
	})
	t.Run("an older client", func(t *testing.T) {
		p := startBridge(t, server.URL)
		defer p.close()
		if got := p.ask(1, "initialize", older); !strings.Contains(got, `"2025-06-18"`) {
			t.Error(got)
		}
		_, _ = fmt.Fprintln(p.to, `{"jsonrpc":"2.0","method":"notifications/initialized"}`)
		if got := p.ask(2, "tools/call", `{"name":"diagnose"}`); !strings.Contains(got, "findings") {
			t.Error(got)
		}
	})
	t.Run("a subscription ends with the client", func(t *testing.T) {
		p := startBridge(t, server.URL)
		_, _ = fmt.Fprintln(p.to, `{"jsonrpc":"2.0","id":7,"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["otelmon://status"]},`+modern+`}}`)
		if !p.lines.Scan() || !strings.Contains(p.lines.Text(), "acknowledged") {
			t.Error(p.lines.Text())
		}
		p.close()
	})
}

func TestBridgeOutlivesTheProgram(t *testing.T) {
	ownCache(t)
	con := opsconsole.New(opsconsole.Options{ReadToken: aToken})
	mcp.Mount(con)
	server := httptest.NewServer(con.Handler())
	withdraw, err := con.Announce(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer withdraw()
	p := startBridge(t, "")
	defer p.close()
	call := `{"name":"diagnose",` + modern + `}`
	if got := p.ask(1, "tools/call", call); !strings.Contains(got, "findings") {
		t.Error(got)
	}
	server.Close()
	for id := 2; id < 4; id++ {
		if got := p.ask(id, "tools/call", call); !strings.Contains(got, `"isError":true`) || !strings.Contains(got, "does not answer") && !strings.Contains(got, "no console answers") {
			t.Error(got)
		}
	}
	if got := p.ask(4, "resources/read", `{"uri":"otelmon://status",`+modern+`}`); !strings.Contains(got, `"error"`) {
		t.Error(got)
	}
	again := httptest.NewServer(con.Handler())
	defer again.Close()
	undo, err := con.Announce(again.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer undo()
	if got := p.ask(5, "tools/call", call); !strings.Contains(got, "findings") {
		t.Error(got)
	}
}

// TestBridgeFindsTheProgramAtAnotherAddress in the very call that follows.
func TestBridgeFindsTheProgramAtAnotherAddress(t *testing.T) {
	ownCache(t)
	con := opsconsole.New(opsconsole.Options{ReadToken: aToken})
	mcp.Mount(con)
	p := startBridge(t, "")
	defer p.close()
	for id := range 3 {
		server := httptest.NewServer(con.Handler())
		withdraw, err := con.Announce(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.ask(id, "tools/call", `{"name":"diagnose",`+modern+`}`); !strings.Contains(got, "findings") {
			t.Error(got)
		}
		server.Close()
		withdraw()
	}
}

// TestBridgeBeginsBeforeTheProgram: a client that gets an error when it begins does
// not try again.
func TestBridgeBeginsBeforeTheProgram(t *testing.T) {
	for name, tc := range map[string]struct {
		begin, params, of string
	}{
		"a client of now": {"server/discover", `{` + modern + `}`, modern},
		"an older client": {"initialize", older, `"_meta":{}`},
	} {
		t.Run(name, func(t *testing.T) {
			ownCache(t)
			con := opsconsole.New(opsconsole.Options{ReadToken: aToken})
			mcp.Mount(con)
			p := startBridge(t, "")
			defer p.close()
			id := 0
			ask := func(method, params string) string {
				id++
				return p.ask(id, method, params)
			}
			if got := ask(tc.begin, tc.params); !strings.Contains(got, "Call diagnose first") {
				t.Error(got)
			}
			for method, want := range map[string]string{
				"tools/list":               `"set_log_level"`, // which the token may give
				"prompts/list":             `"incident_report"`,
				"resources/list":           `"otelmon://status"`,
				"resources/templates/list": `"otelmon://traces/{id}"`,
			} {
				if got := ask(method, `{`+tc.of+`}`); !strings.Contains(got, want) {
					t.Errorf("%s: %s", method, got)
				}
			}
			call := `{"name":"diagnose",` + tc.of + `}`
			if got := ask("tools/call", call); !strings.Contains(got, `"isError":true`) || !strings.Contains(got, "start a program") {
				t.Error(got)
			}
			if got := ask("resources/read", `{"uri":"otelmon://status",`+tc.of+`}`); !strings.Contains(got, "start a program") {
				t.Errorf("the status of no program: %s", got)
			}
			server := httptest.NewServer(con.Handler())
			defer server.Close()
			withdraw, err := con.Announce(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer withdraw()
			if got := ask("tools/call", call); !strings.Contains(got, "findings") {
				t.Error(got)
			}
		})
	}
}

// TestBridgeBeginsThoughTheProgramRefuses the token: each call says so.
func TestBridgeBeginsThoughTheProgramRefuses(t *testing.T) {
	closed := httptest.NewServer(opsconsole.New(opsconsole.Options{ReadToken: "another-0123456789"}).Handler())
	defer closed.Close()
	p := startBridge(t, closed.URL)
	defer p.close()
	if got := p.ask(1, "initialize", older); strings.Contains(got, `"error"`) {
		t.Error(got)
	}
	if got := p.ask(2, "tools/call", `{"name":"diagnose"}`); !strings.Contains(got, "401") {
		t.Error(got)
	}
}

// TestBridgeAnswersOnce: a stream that breaks off after the answer is no error.
func TestBridgeAnswersOnce(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	p := startBridge(t, server.URL)
	defer p.close()
	if got := p.ask(1, "tools/call", `{"name":"diagnose"}`); strings.Contains(got, "isError") {
		t.Error(got)
	}
	if _, err := fmt.Fprintln(p.to, "nonsense"); err != nil || !p.lines.Scan() || !strings.Contains(p.lines.Text(), "-32700") {
		t.Errorf("%v, after the answer came %s", err, p.lines.Text())
	}
}

func TestBridgeExplainsRefusals(t *testing.T) {
	without := httptest.NewServer(opsconsole.New(opsconsole.Options{}).Handler())
	defer without.Close()
	con := opsconsole.New(opsconsole.Options{ReadToken: "another-0123456789"})
	mcp.Mount(con)
	closed := httptest.NewServer(con.Handler())
	defer closed.Close()
	for address, want := range map[string]string{without.URL: "mcp.Mount", closed.URL: "401"} {
		p := startBridge(t, address)
		if got := p.ask(1, "tools/call", `{"name":"diagnose",`+modern+`}`); !strings.Contains(got, want) {
			t.Error(got)
		}
		p.close()
	}
}

// TestBridgeReadsTheTokenAnew: a token that was replaced is read with the next call.
func TestBridgeReadsTheTokenAnew(t *testing.T) {
	con := opsconsole.New(opsconsole.Options{ReadToken: "another-0123456789"})
	mcp.Mount(con)
	server := httptest.NewServer(con.Handler())
	defer server.Close()
	file := filepath.Join(t.TempDir(), "token")
	p := startBridgeTo(t, &target{address: server.URL, tokenFile: file})
	defer p.close()
	call := `{"name":"diagnose",` + modern + `}`
	for id, tc := range []struct{ token, want string }{{"", "-token-file"}, {"wrong-0123456789", "401"}, {"another-0123456789\n", "findings"}} {
		if tc.token != "" {
			if err := os.WriteFile(file, []byte(tc.token), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := p.ask(id, "tools/call", call); !strings.Contains(got, tc.want) {
			t.Errorf("%q: %s", tc.token, got)
		}
	}
}
