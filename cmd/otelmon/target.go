package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf16"

	"golang.org/x/term"

	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/view"
)

// askTimeout bounds how long an answer may take.
const askTimeout = 10 * time.Second

// target is the console that a command asks, and how the answer is printed.
type target struct {
	flags     *flag.FlagSet
	address   string
	tokenFile string
	warned    sync.Once // that others may read the file
	asJSON    bool
}

// newTarget makes the flags that the views have in common. The text says what the
// command shows.
func newTarget(name, arguments, text string) *target {
	t := &target{flags: newFlags(name, arguments, text+"\n\nExit code 2 means wrong arguments, 3 that no console answers.")}
	t.locate()
	t.flags.BoolVar(&t.asJSON, "json", false, "print the console's answer, for machines")
	return t
}

// locate adds the flags that say which console is asked.
func (t *target) locate() {
	t.flags.StringVar(&t.address, "url", "", "the console's `address`; default "+addressVariable+", or else the only one on this machine")
	t.flags.StringVar(&t.tokenFile, "token-file", "", "read the console's token from this `file`; default the variable "+tokenVariable)
}

func (t *target) connect(ctx context.Context, c console) (*client, error) {
	if t.tokenFile == "" {
		return connect(ctx, t.address, "", c.environ)
	}
	token, err := t.readToken(c)
	if err != nil {
		return nil, fmt.Errorf("-token-file: %w", err)
	}
	return connect(ctx, t.address, token, c.environ)
}

// readToken reads the file, and says so when others on this machine can as well.
func (t *target) readToken(c console) (string, error) {
	content, err := os.ReadFile(t.tokenFile)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(content))
	if token == "" { // the variable's would be another
		return "", fmt.Errorf("%s is empty", t.tokenFile)
	}
	const others = 0o077
	if info, err := os.Stat(t.tokenFile); err == nil && info.Mode().IsRegular() && info.Mode()&others != 0 && runtime.GOOS != "windows" {
		t.warned.Do(func() {
			_, _ = fmt.Fprintf(c.err, "%s: -token-file: others on this machine may read the token: chmod 600 %s\n", t.flags.Name(), t.tokenFile)
		})
	}
	return token, nil
}

// fails says what went wrong and returns the exit code.
func (t *target) fails(c console, code int, err error) int {
	_, _ = fmt.Fprintln(c.err, t.flags.Name()+":", err)
	return code
}

// read asks for an answer as it is, within the time for one.
func (c *client) read(ctx context.Context, path string, query url.Values) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, askTimeout, fmt.Errorf("no answer within %v", askTimeout))
	defer cancel()
	var raw json.RawMessage
	err := c.get(ctx, path, query, &raw)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = context.Cause(ctx)
	}
	return raw, err
}

// readInto asks for an answer and decodes it as well.
func readInto[T any](ctx context.Context, c *client, path string, query url.Values) (raw json.RawMessage, answer T, err error) {
	if raw, err = c.read(ctx, path, query); err != nil {
		return raw, answer, err
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return raw, answer, fmt.Errorf("the answer to %s is none of a console: %w", path, err)
	}
	return raw, answer, nil
}

// one asks a console for one answer and prints it.
func one[T any](ctx context.Context, t *target, c console, path string, query url.Values, draw func(*T) string) int {
	console, err := t.connect(ctx, c)
	if err != nil {
		return t.fails(c, codeOf(err), err)
	}
	raw, answer, err := readInto[T](ctx, console, path, query)
	if err != nil {
		return t.fails(c, codeOf(err), err)
	}
	if t.asJSON {
		return t.printed(c, writeJSON(c.out, raw))
	}
	_, err = io.WriteString(c.out, draw(&answer))
	return t.printed(c, err)
}

// printed returns the exit code after the output, which may be closed.
func (t *target) printed(c console, err error) int {
	if err != nil {
		return t.fails(c, exitFailed, err)
	}
	return exitOK
}

// writeJSON writes an answer on one line, as it is but for characters that could fool a
// terminal, which are written as escapes.
func writeJSON(w io.Writer, raw json.RawMessage) error {
	var b strings.Builder
	for _, r := range string(raw) {
		switch {
		case r < ' ': // between tokens, as strings can't have it
			b.WriteByte(' ')
		case r < 0x7f || store.Clean(string(r)) != "":
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	_, err := io.WriteString(w, strings.TrimSpace(b.String())+"\n")
	return err
}

// drawing is the style of the output: a terminal has a width and, unless it is
// not wanted, colours. COLUMNS gives a width to what is no terminal.
func drawing(c console) view.Style {
	columns, _ := strconv.Atoi(lookup(c.environ, "COLUMNS"))
	s := view.Style{Width: max(columns, 0), Colour: isColoured(c)}
	if file, ok := terminalOf(c); ok {
		if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
			s.Width = width
		}
	}
	return s
}
