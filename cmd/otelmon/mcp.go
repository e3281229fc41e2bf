package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"

	opsconsole "github.com/otelmon/otelmon-go/console"
)

func mcpCommand(ctx context.Context, args []string, c console) int {
	t := &target{flags: newFlags("mcp", "[flags]", "Speaks the Model Context Protocol over stdin and stdout, and passes what is asked on to the console of a running\n"+
		"program, which may end and come back meanwhile. A client starts it; it ends when stdin does.")}
	t.locate()
	if code, ok := parse(t.flags, args, c); !ok {
		return code
	}
	signal.Reset(os.Interrupt) // reading stdin cannot be interrupted otherwise
	if err := newBridge(t, c).run(ctx, os.Stdin); err != nil {
		return t.fails(c, exitFailed, err)
	}
	return exitOK
}

// bridge passes messages of the Model Context Protocol on between a client that
// speaks over stdin and stdout and the console of a running program. It keeps no
// state but the revision that an older client has agreed on, so the program may
// begin later, end and come back. While it is away, a blank console tells what
// there is to ask, which clients want to know when they begin.
type bridge struct {
	connect func(context.Context) (*client, error)
	blank   func() *client

	mu      sync.Mutex
	out     io.Writer
	to      *client // nil until a console has answered
	version string
	running map[string]context.CancelFunc // by the id of the request
}

func newBridge(t *target, c console) *bridge {
	scope := opsconsole.ScopeRead
	if t.tokenFile != "" || lookup(c.environ, tokenVariable) != "" {
		scope = opsconsole.ScopeAct // which it may give
	}
	return &bridge{
		connect: func(ctx context.Context) (*client, error) { return t.connect(ctx, c) },
		blank:   sync.OnceValue(func() *client { return blank(scope) }),
		out:     c.out, running: map[string]context.CancelFunc{},
	}
}

// maxMessage bounds a message, in bytes.
const maxMessage = 4 << 20

// message is what the bridge looks at of one.
type message struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params struct {
		Name      string          `json:"name"`
		URI       string          `json:"uri"`
		RequestID json.RawMessage `json:"requestId"`
		Version   string          `json:"protocolVersion"`
		Meta      struct {
			Version string `json:"io.modelcontextprotocol/protocolVersion"`
		} `json:"_meta"`
	} `json:"params"`
}

// run ends when the client closes in. It ends the subscriptions then, and waits
// for what is being answered.
func (b *bridge) run(ctx context.Context, in io.Reader) error {
	open, end := context.WithCancel(ctx)
	var answering sync.WaitGroup
	defer answering.Wait()
	defer end()
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxMessage)
	for lines.Scan() {
		line := bytes.Clone(bytes.TrimSpace(lines.Bytes()))
		var m message
		if len(line) == 0 {
			continue
		}
		if err := json.Unmarshal(line, &m); err != nil {
			b.fail(json.RawMessage("null"), -32700, "this is no JSON-RPC message")
			continue
		}
		if m.Method == "notifications/cancelled" {
			b.cancel(m.Params.RequestID)
			continue
		}
		of := ctx
		if m.Method == "subscriptions/listen" {
			of = open
		}
		each, done := b.begin(of, m.ID)
		if m.Method == "initialize" {
			b.forward(each, &m, line) // what follows needs the revision it agrees on
			done()
			continue
		}
		answering.Go(func() {
			defer done()
			b.forward(each, &m, line)
		})
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the client's messages: %w", err)
	}
	return nil
}

// begin makes a request one that the client can cancel.
func (b *bridge) begin(ctx context.Context, id json.RawMessage) (each context.Context, done func()) {
	each, cancel := context.WithCancel(ctx)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running[string(id)] = cancel
	return each, func() {
		cancel()
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.running, string(id))
	}
}

func (b *bridge) cancel(id json.RawMessage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if cancel := b.running[string(id)]; cancel != nil {
		cancel()
	}
}

// asksProgram tells whether only a program can answer. All else is the same for
// every console.
func (m *message) asksProgram() bool {
	return m.Method == "tools/call" || m.Method == "resources/read" || m.Method == "subscriptions/listen"
}

// forward passes one message on and writes what is answered to it. What goes
// wrong is answered to a request and not told of a notification.
func (b *bridge) forward(ctx context.Context, m *message, line []byte) {
	err := b.ask(ctx, m, line)
	if err != nil && !m.asksProgram() && ctx.Err() == nil {
		err = b.post(ctx, b.blank(), m, line)
	}
	if err == nil || len(m.ID) == 0 || ctx.Err() != nil {
		return
	}
	text := err.Error()
	if m.Method == "tools/call" {
		// As the result of the tool, so that the model reads it.
		result := map[string]any{"isError": true, "content": []map[string]any{{"type": "text", "text": text}}}
		if m.Params.Meta.Version != "" {
			result["resultType"] = "complete"
		}
		b.write(map[string]any{"jsonrpc": "2.0", "id": m.ID, "result": result})
		return
	}
	b.fail(m.ID, -32603, text)
}

func (b *bridge) fail(id json.RawMessage, code int, text string) {
	b.write(map[string]any{"jsonrpc": "2.0", "id": id, "error": map[string]any{"code": code, "message": text}})
}

func (b *bridge) write(v any) {
	line, err := json.Marshal(v)
	if err != nil {
		return // it is made of texts
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	_, _ = b.out.Write(append(line, '\n')) // a client that is gone has closed its end of stdin, too
}

// console returns the client of the console that is known, or else of one that is
// found now.
func (b *bridge) console(ctx context.Context) (c *client, isKnown bool, err error) {
	b.mu.Lock()
	c = b.to
	b.mu.Unlock()
	if c != nil {
		return c, true, nil
	}
	if c, err = b.connect(ctx); err != nil {
		return nil, false, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.to = c
	return c, false, nil
}

// forget makes that the console, its address and the token are looked for anew.
func (b *bridge) forget(c *client) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.to == c {
		b.to = nil
	}
}

// ask passes a message on to the program. What a client wants to know when it
// begins does not wait for one that hangs.
func (b *bridge) ask(ctx context.Context, m *message, line []byte) error {
	if !m.asksProgram() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, askTimeout)
		defer cancel()
	}
	for {
		c, isKnown, err := b.console(ctx)
		if err != nil {
			return err
		}
		if err = b.post(ctx, c, m, line); err == nil || ctx.Err() != nil {
			return err
		}
		b.forget(c)
		if unsent := (*net.OpError)(nil); !isKnown || !errors.As(err, &unsent) || unsent.Op != "dial" {
			return err
		}
	}
}

// post passes a message on to a console.
func (b *bridge) post(ctx context.Context, c *client, m *message, line []byte) error {
	r, err := c.request(ctx, http.MethodPost, "mcp", nil, bytes.NewReader(line))
	if err != nil {
		return err
	}
	b.head(r.Header, m)
	resp, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("the program does not answer at %s; has it ended? Call again when it runs. %w", c.root.Redacted(), err)
	}
	defer func() { _ = resp.Body.Close() }()
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
		return c.refusal(resp)
	case kind == "text/event-stream":
		return b.stream(m, resp.Body)
	case kind == "application/json":
		return b.whole(m, resp.Body)
	case resp.StatusCode == http.StatusAccepted:
		return nil
	case resp.StatusCode == http.StatusNotFound, resp.StatusCode == http.StatusMethodNotAllowed:
		return fmt.Errorf("the console at %s has no MCP: the program must call mcp.Mount of package console/mcp", c.root.Redacted())
	default:
		return c.refusal(resp)
	}
}

// head sets the headers that repeat what a message says.
func (b *bridge) head(h http.Header, m *message) {
	h.Set("Content-Type", "application/json")
	h.Set("Accept", "application/json, text/event-stream")
	version := m.Params.Meta.Version
	if version == "" {
		b.mu.Lock()
		version = b.version
		b.mu.Unlock()
	} else {
		h.Set("Mcp-Method", m.Method)
		if name := m.Params.Name + m.Params.URI; name != "" {
			h.Set("Mcp-Name", name)
		}
	}
	if version != "" && m.Method != "initialize" {
		h.Set("Mcp-Protocol-Version", version)
	}
}

// whole passes on one answer, or an error that is one.
func (b *bridge) whole(m *message, body io.Reader) error {
	line, err := io.ReadAll(io.LimitReader(body, maxMessage))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return b.pass(m, line)
}

// stream passes on the events of a stream as they come.
func (b *bridge) stream(m *message, body io.Reader) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, maxMessage)
	var data []byte
	answered := false
	for lines.Scan() {
		text, isData := strings.CutPrefix(lines.Text(), "data:")
		if isData {
			data = append(data, strings.TrimPrefix(text, " ")...)
			continue
		}
		if lines.Text() != "" || len(data) == 0 {
			continue
		}
		if err := b.pass(m, data); err != nil {
			return err
		}
		var is message
		answered = json.Unmarshal(data, &is) == nil && is.Method == ""
		data = nil
	}
	if answered || len(m.ID) == 0 {
		return nil
	}
	return fmt.Errorf("the program stopped to answer; has it ended? %w", cmp.Or(lines.Err(), io.ErrUnexpectedEOF))
}

// pass writes a message to the client, on one line. An answer to what the program
// could not read has no id; it is the one to m.
func (b *bridge) pass(m *message, line []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(line, &members); err != nil {
		return fmt.Errorf("the answer is no JSON-RPC message: %w", err)
	}
	if members["error"] != nil && (members["id"] == nil || string(members["id"]) == "null") {
		members["id"] = m.ID
	}
	if m.Method == "initialize" {
		var result struct {
			Version string `json:"protocolVersion"`
		}
		_ = json.Unmarshal(members["result"], &result) // an error has none
		b.mu.Lock()
		b.version = result.Version
		b.mu.Unlock()
	}
	b.write(members)
	return nil
}
