package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/announce"
)

// tokenVariable holds the token of the console, so that no argument of a process
// shows it.
const tokenVariable = "OTELMON_CONSOLE_TOKEN"

// addressVariable names the console where no flag does.
const addressVariable = "OTELMON_CONSOLE_URL"

// probeTimeout bounds how long a console that was announced may take to answer.
const probeTimeout = 2 * time.Second

// client asks one console.
type client struct {
	root  *url.URL // ends in a slash
	token string   // empty for none
	http  *http.Client
}

// connect returns a client of the console at the address given, or else at that of
// the environment. Without one it takes the only console that answers on this machine; where several do, the
// error lists them. Without a token it takes the one of the environment.
func connect(ctx context.Context, address, token string, environ []string) (*client, error) {
	token = cmp.Or(token, lookup(environ, tokenVariable))
	address = cmp.Or(address, lookup(environ, addressVariable))
	if address != "" {
		return newClient(address, token)
	}
	announced, err := announce.List()
	if err != nil {
		return nil, fmt.Errorf("look for consoles of this machine: %w", err)
	}
	var found []*client
	seen := map[string]bool{}
	var lines, others strings.Builder
	for _, a := range announced {
		c, err := newClient(a.URL, token)
		if err != nil || seen[c.root.String()] {
			continue
		}
		seen[c.root.String()] = true
		name, err := c.probe(ctx)
		switch {
		case err == nil:
			found = append(found, c)
			fmt.Fprintf(&lines, "\n  -url %s  %s, process %d, since %s", c.root, name, a.PID, a.Since.Local().Format(time.DateTime))
		case errors.Is(err, syscall.ECONNREFUSED) || isGone(a.PID):
			announce.Forget(a)
		default:
			fmt.Fprintf(&others, "\n  process %d announced one at %s, but %v", a.PID, c.root, err)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("no console answers on this machine: start a program that has one and calls console.Console.Serve or Announce, or name its address with -url%s", others.String())
	case 1:
		return found[0], nil
	default:
		return nil, fmt.Errorf("several consoles answer on this machine; name one of them:%s%s", lines.String(), others.String())
	}
}

// isGone tells whether no process has this id any more. Windows does not find one
// that has ended.
func isGone(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return true
	}
	defer func() { _ = p.Release() }() // there is nothing to do about it
	return errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

func newClient(address, token string) (*client, error) {
	root, err := url.Parse(address)
	if err != nil || (root.Scheme != "http" && root.Scheme != "https") || root.Host == "" {
		return nil, fmt.Errorf("%q is no address of a console: want one such as http://127.0.0.1:8080/debug/otelmon/", store.CleanLine(address))
	}
	root.RawQuery, root.Fragment = "", ""
	root.Path = strings.TrimSuffix(root.Path, "/") + "/"
	return &client{root: root, token: token, http: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the token stays here
	}}, nil
}

// probe returns of which service a console is, or what there is instead of one. It
// shows no token: another program may have got the port since.
func (c *client) probe(ctx context.Context) (service string, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.root.JoinPath("api/summary").String(), http.NoBody)
	if err != nil {
		return "", err
	}
	resp, err := c.http.Do(r)
	switch {
	case err != nil && ctx.Err() != nil:
		return "slow to answer", nil
	case err != nil:
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	var summary struct {
		Service  string `json:"service"`
		MaxBytes int    `json:"max_bytes"`
	}
	switch {
	case resp.StatusCode == http.StatusUnauthorized && strings.Contains(resp.Header.Get("WWW-Authenticate"), `realm="otelmon"`):
		return "asks for a token", nil
	case resp.StatusCode != http.StatusOK:
		return "", fmt.Errorf("what answers there says %s", store.CleanLine(resp.Status))
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&summary); err != nil || summary.MaxBytes == 0 {
		return "", errors.New("what answers there is no console")
	}
	return cmp.Or(store.CleanLine(summary.Service), "a service without a name"), nil
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 32 << 20

// request makes a request to an address below the console's root.
func (c *client) request(ctx context.Context, method, path string, query url.Values, body io.Reader) (*http.Request, error) {
	to := c.root.JoinPath(path)
	to.RawQuery = query.Encode()
	r, err := http.NewRequestWithContext(ctx, method, to.String(), body)
	if err != nil {
		return nil, err
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	return r, nil
}

// open asks for an address below the console's root and returns an answer that
// went well, whose body the caller closes.
func (c *client) open(ctx context.Context, path string, query url.Values) (*http.Response, error) {
	r, err := c.request(ctx, http.MethodGet, path, query, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("the console does not answer; is the program running? %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }()
	return nil, c.refusal(resp)
}

// refusal says why the console did not answer.
func (c *client) refusal(resp *http.Response) error {
	if resp.StatusCode == http.StatusUnauthorized && c.token == "" {
		return fmt.Errorf("the console asks for a token: set %s", tokenVariable)
	}
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10)) // what came of it
	text := strings.TrimSpace(store.Clean(string(b)))
	var faults struct{ Errors []string }
	if json.Unmarshal(b, &faults) == nil && len(faults.Errors) > 0 {
		text = store.Clean(strings.Join(faults.Errors, "; "))
	}
	return &refusedError{resp.StatusCode, fmt.Sprintf("the console at %s answered %s: %s", c.root.Redacted(), store.CleanLine(resp.Status), text)}
}

// refusedError is the answer of a console that does not do what it was asked for.
type refusedError struct {
	status int
	text   string
}

func (e *refusedError) Error() string { return e.text }

// codeOf returns the exit code for what came of asking a console.
func codeOf(err error) int {
	var refused *refusedError
	switch {
	case !errors.As(err, &refused):
		return exitUnreached
	case refused.status == http.StatusBadRequest:
		return exitUsage
	case refused.status == http.StatusNotFound:
		return exitFailed
	default:
		return exitUnreached
	}
}

// get asks for JSON and reads it into answer.
func (c *client) get(ctx context.Context, path string, query url.Values, answer any) error {
	resp, err := c.open(ctx, path, query)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(answer); err != nil {
		return fmt.Errorf("read the answer to %s: %w", path, err)
	}
	return nil
}

// lookup returns the value of a variable, of which the first counts.
func lookup(environ []string, name string) string {
	for _, entry := range environ {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}
