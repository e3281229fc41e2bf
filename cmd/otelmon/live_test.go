package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/view"
)

var errGone = errors.New("the console does not answer")

// rigged is a screen without a terminal.
type rigged struct {
	screen

	out     bytes.Buffer
	width   atomic.Int64
	keys    chan byte
	answers chan news[string]
	ended   chan error
}

func showing(ctx context.Context) *rigged {
	r := &rigged{keys: make(chan byte), answers: make(chan news[string], 1), ended: make(chan error, 1)}
	r.screen = screen{out: &r.out, keys: r.keys, every: time.Second, size: func() (int, int) { return int(r.width.Load()), 5 }}
	r.width.Store(40)
	next := func(ctx context.Context) news[string] {
		select {
		case n := <-r.answers:
			return n
		case <-ctx.Done():
			return news[string]{err: ctx.Err()}
		}
	}
	go func() {
		r.ended <- show(ctx, &r.screen, next, func(s view.Style, text string) string { return s.Note(text) + "\n" })
	}()
	return r
}

// drawn returns what was drawn since the last time.
func (r *rigged) drawn() string {
	synctest.Wait()
	text := r.out.String()
	r.out.Reset()
	return text
}

func TestShow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := showing(t.Context())
		r.answers <- news[string]{answer: "one"}
		if got := r.drawn(); !strings.HasPrefix(got, enterScreen+beginFrame) || !strings.Contains(got, "one\r\n") || !strings.Contains(got, "q ends this; every 1s") {
			t.Errorf("%q", got)
		}
		time.Sleep(900 * time.Millisecond) //nolint:forbidigo // time is synctest's
		if got := r.drawn(); got != "" {
			t.Errorf("drawn again without need: %q", got)
		}

		r.width.Store(2)
		time.Sleep(sizeInterval) //nolint:forbidigo // time is synctest's
		if got := r.drawn(); !strings.Contains(got, "o…\r\n") {
			t.Errorf("resized: %q", got)
		}
		r.width.Store(80)

		for range 2 {
			r.answers <- news[string]{err: errGone}
			time.Sleep(1500 * time.Millisecond) //nolint:forbidigo // time is synctest's
		}
		if got := r.drawn(); !strings.Contains(got, "one\r\n") || !strings.Contains(got, "For 2s: "+errGone.Error()) {
			t.Errorf("lost: %q", got)
		}
		r.answers <- news[string]{answer: strings.Repeat("line\n", 3)}
		time.Sleep(2 * time.Second) //nolint:forbidigo // time is synctest's
		if got := r.drawn(); !strings.Contains(got, "line line line") || !strings.HasSuffix(got, "every 1s"+endFrame) {
			t.Errorf("found again: %q", got)
		}

		r.keys <- 'x'
		r.keys <- 'q'
		if err := <-r.ended; err != nil || r.drawn() != leaveScreen {
			t.Errorf("%v", err)
		}
	})
}

func TestShowEnds(t *testing.T) {
	for name, end := range map[string]func(*rigged, context.CancelFunc){
		"control-C":         func(r *rigged, _ context.CancelFunc) { r.keys <- 3 },
		"a signal":          func(_ *rigged, cancel context.CancelFunc) { cancel() },
		"no answer at all":  func(r *rigged, _ context.CancelFunc) { r.keys <- 'Q' },
		"a signal after it": func(r *rigged, cancel context.CancelFunc) { r.answers <- news[string]{answer: "x"}; cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				r := showing(ctx)
				synctest.Wait()
				end(r, cancel)
				if err := <-r.ended; err != nil || !strings.HasSuffix(r.out.String(), leaveScreen) {
					t.Errorf("%v, %q", err, r.out.String())
				}
			})
		})
	}
}

func TestFrameFitsTheTerminal(t *testing.T) {
	for _, height := range []int{1, 2, 5, 100} {
		var out bytes.Buffer
		f := &frame{screen: &screen{out: &out, size: func() (int, int) { return 20, height }}}
		if err := f.paint(func(view.Style) string { return strings.Repeat("x\n", 30) }); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(out.String(), "\n") + 1; n > height {
			t.Errorf("%d lines of %d", n, height)
		}
	}
	f := &frame{screen: &screen{out: closed{}, size: func() (int, int) { return 20, 5 }}}
	if err := f.paint(func(view.Style) string { return "" }); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

// closed is an output that nobody reads.
type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		answers := []news[string]{{answer: "a"}, {answer: "a"}, {err: errGone}, {err: errGone}, {answer: "b"}}
		root := &url.URL{Scheme: "http", Host: "127.0.0.1:1", Path: "/"}
		var out, faults bytes.Buffer
		a := &asker[string]{
			t: newTarget("watch", "", ""), c: console{&out, &faults, nil},
			ask: func(context.Context, *client) (string, error) {
				n := answers[0]
				if answers = answers[1:]; len(answers) == 0 {
					cancel()
				}
				return n.answer, n.err
			},
		}
		a.t.address = root.String()
		begun := time.Now()
		var told []string
		code := a.follow(ctx, time.Minute, func(text string) error {
			told = append(told, text)
			return nil
		})
		if code != exitOK || strings.Join(told, "") != "a" || time.Since(begun) != 3*time.Minute {
			t.Errorf("exit code %d, %q after %v", code, told, time.Since(begun))
		}
		if got := faults.String(); got != "otelmon watch: the console does not answer; asking again\n" {
			t.Errorf("%q", got)
		}
	})
}

func TestFollowToldAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := []news[string]{{answer: "first"}, {err: errGone}, {answer: "b"}}
		var faults bytes.Buffer
		a := &asker[string]{
			t: newTarget("watch", "", ""), c: console{io.Discard, &faults, nil},
			ask: func(context.Context, *client) (string, error) {
				n := answers[0]
				answers = answers[1:]
				return n.answer, n.err
			},
		}
		a.t.address = "http://127.0.0.1:1/"
		code := a.follow(t.Context(), time.Minute, func(string) error { return io.ErrClosedPipe })
		if code != exitFailed || !strings.Contains(faults.String(), "asking again\notelmon watch: it answers again\n") {
			t.Errorf("exit code %d, %q", code, &faults)
		}
	})
}

func TestTellOperations(t *testing.T) {
	var out bytes.Buffer
	c := console{&out, io.Discard, nil}
	said := map[string]string{}
	at := time.Now()
	running := func(ok store.Number) store.Operation {
		return store.Operation{ID: "1", Name: "import", State: store.StateRunning, Total: 10, OK: ok, Done: ok, Progress: ok / 10, Rate: store.Unknown(), ETA: store.Unknown()}
	}
	old := store.Operation{ID: "0", Name: "old", State: store.StateCompleted, Ended: &at}
	ended := running(10)
	ended.State, ended.Ended = store.StateCompleted, &at
	for _, list := range [][]store.Operation{{running(1), old}, {running(1), old}, {running(2), old}, {ended, old}, {ended, old}} {
		if err := newTarget("ops", "", "").tellOperations(c, &store.OperationList{AsOf: at, Operations: list, Total: len(list)}, said); err != nil {
			t.Fatal(err)
		}
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], "10 %") || !strings.Contains(lines[1], "20 %") || !strings.Contains(lines[2], "completed") {
		t.Errorf("%q", lines)
	}
}

func TestKeys(t *testing.T) {
	in, out := io.Pipe()
	keys := keysOf(in)
	go func() { _, _ = out.Write([]byte("xq")) }()
	if a, b := <-keys, <-keys; a != 'x' || b != 'q' {
		t.Errorf("%c%c", a, b)
	}
	_ = out.Close()
}
