package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

// child is one of the two processes.
type child struct {
	base  string
	cmd   *exec.Cmd
	stdin io.Closer // the child ends with it
	http  *http.Client
}

func startChild(ctx context.Context, name, backend string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, childArgument, name)
	cmd.Stderr = os.Stderr
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "OTEL") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(cmd.Env, "OTEL_EXPORTER_OTLP_ENDPOINT="+backend, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf")
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		return nil, err
	}
	c := &child{cmd: cmd, stdin: stdin, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", name, err), c.stop())
	}
	c.base = strings.TrimSpace(line)
	return c, nil
}

func (c *child) stop() error {
	return errors.Join(c.stdin.Close(), c.cmd.Wait())
}

// open asks for a path and returns an answer with status 200, which the caller
// closes.
func (c *child) open(ctx context.Context, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 200)) // what came of it
		_ = res.Body.Close()
		return nil, fmt.Errorf("%s: %s: %s", path, res.Status, text)
	}
	return res, nil
}

func (c *child) get(ctx context.Context, path string) ([]byte, error) {
	res, err := c.open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return body, nil
}

func (c *child) getJSON(ctx context.Context, path string, into any) error {
	body, err := c.get(ctx, path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func (c *child) state(ctx context.Context) (s state, err error) {
	return s, c.getJSON(ctx, statePath, &s)
}

// side is a process with what was measured of it.
type side struct {
	*child

	first, last state
	laps        []lap
	errs        []error
}

// lap is what a lap was like.
type lap struct {
	p50, p99 time.Duration
	heap     uint64
	spans    float64 // a second
	cpu      float64 // processors used
}

// lap loads the process, with an audience unless that is nil.
func (s *side) lap(ctx context.Context, audience *answers) error {
	before, err := s.state(ctx)
	if err != nil {
		return err
	}
	begun := time.Now()
	leave := func() {}
	if audience != nil {
		leave = watch(ctx, s.child, audience)
	}
	took, errs := load(ctx, s.child, lapTime)
	passed := time.Since(begun).Seconds()
	after, err := s.state(ctx) // while they still look
	leave()
	s.errs = append(s.errs, errs...)
	s.laps = append(s.laps, lap{
		p50: part(took, 0.5), p99: part(took, 0.99), heap: after.Heap,
		spans: float64(after.Spans-before.Spans) / passed, cpu: (after.CPU - before.CPU) / passed,
	})
	return errors.Join(err, ctx.Err())
}

// settleTime is how long goroutines may take to end, and quietTime how long the
// server needs to see that connections were closed.
const (
	settleTime = 30 * time.Second
	quietTime  = time.Second
	warmUp     = 3 * time.Second
)

// begin notes how the process is when it has worked and nobody asks.
func (s *side) begin(ctx context.Context) (err error) {
	_, s.errs = load(ctx, s.child, warmUp)
	s.first, err = s.quiet(ctx)
	return err
}

// settle waits until the process has as many goroutines as at the beginning; that
// it has more, the table tells.
func (s *side) settle(ctx context.Context) (err error) {
	begun := time.Now()
	for err == nil {
		s.last, err = s.quiet(ctx)
		if s.last.Goroutines <= s.first.Goroutines || time.Since(begun) > settleTime {
			break
		}
	}
	return err
}

// quiet is the state when all connections but the one that asks have ended.
func (s *side) quiet(ctx context.Context) (state, error) {
	s.http.CloseIdleConnections()
	wait := time.NewTimer(quietTime)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
	return s.state(ctx)
}
