package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/otelmon/otelmon-go/internal/view"
)

// news is one answer of a console that is asked again and again.
type news[T any] struct {
	answer T
	err    error
}

// asker asks a console, and looks for it anew when it is gone: a program that
// starts again may have another address.
type asker[T any] struct {
	t      *target
	c      console
	client *client
	ask    func(context.Context, *client) (T, error)
}

func (a *asker[T]) next(ctx context.Context) news[T] {
	answer, err := a.ask(ctx, a.client)
	if err == nil || ctx.Err() != nil {
		return news[T]{answer, err}
	}
	if again, found := a.t.connect(ctx, a.c); found == nil && again.root.String() != a.client.root.String() {
		a.client = again
		answer, err = a.ask(ctx, again)
	}
	return news[T]{answer, err}
}

// open connects, and makes sure of one answer. It returns an exit code and false
// when there is nothing to go on with.
func (a *asker[T]) open(ctx context.Context, every time.Duration) (code int, ok bool) {
	if every < leastEvery {
		return a.t.fails(a.c, exitUsage, fmt.Errorf("-every must be %v at least", leastEvery)), false
	}
	var err error
	if a.client, err = a.t.connect(ctx, a.c); err == nil {
		_, err = a.ask(ctx, a.client)
	}
	if err != nil {
		return a.t.fails(a.c, codeOf(err), err), false
	}
	return exitOK, true
}

// live keeps the answers current: on a terminal it draws them in place, elsewhere,
// and for JSON, it tells them one after the other.
func (a *asker[T]) live(ctx context.Context, every time.Duration, draw func(view.Style, T) string, tell func(T) error) int {
	if _, ok := terminalOf(a.c); !ok || a.t.asJSON {
		return a.follow(ctx, every, tell)
	}
	if code, ok := a.open(ctx, every); !ok {
		return code
	}
	err := onTerminal(ctx, a.c, every, func(ctx context.Context, s *screen) error { return show(ctx, s, a.next, draw) })
	return a.t.printed(a.c, err)
}

// follow calls tell with each answer until ctx ends or tell fails. That the
// console is gone is said once.
func (a *asker[T]) follow(ctx context.Context, every time.Duration, tell func(T) error) int {
	if code, ok := a.open(ctx, every); !ok {
		return code
	}
	lost := false
	for {
		n := a.next(ctx)
		switch {
		case ctx.Err() != nil:
			return exitOK
		case n.err != nil && !lost:
			_, _ = fmt.Fprintf(a.c.err, "%s: %v; asking again\n", a.t.flags.Name(), n.err)
		case n.err == nil:
			if lost {
				_, _ = fmt.Fprintf(a.c.err, "%s: it answers again\n", a.t.flags.Name())
			}
			if err := tell(n.answer); err != nil {
				return a.t.fails(a.c, exitFailed, err)
			}
		}
		lost = n.err != nil
		if !rest(ctx, every) {
			return exitOK
		}
	}
}

// rest waits, and tells whether to go on.
func rest(ctx context.Context, d time.Duration) bool {
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-wait.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// screen is a terminal that is drawn on in place.
type screen struct {
	out    io.Writer
	size   func() (width, height int)
	keys   <-chan byte
	colour bool
	every  time.Duration
}

// sizeInterval is how soon a new size of the terminal is seen. Polling works
// where there is no signal for it.
const sizeInterval = 200 * time.Millisecond

// What a terminal is told. Drawing is synchronized where it knows how; lines are
// not broken, so that one that is wider than was thought costs its end alone.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[?7l"
	leaveScreen = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	beginFrame  = "\x1b[?2026h\x1b[H"
	endFrame    = "\x1b[J\x1b[?2026l"
)

// show draws each answer in place until ctx ends or somebody presses q.
func show[T any](ctx context.Context, s *screen, next func(context.Context) news[T], draw func(view.Style, T) string) error {
	ctx, cancel := context.WithCancel(ctx)
	answers := make(chan news[T])
	var asking sync.WaitGroup
	defer asking.Wait()
	defer cancel()
	asking.Go(func() {
		for {
			select {
			case answers <- next(ctx):
			case <-ctx.Done():
				return
			}
			if !rest(ctx, s.every) {
				return
			}
		}
	})
	if _, err := io.WriteString(s.out, enterScreen); err != nil {
		return err
	}
	defer func() { _, _ = io.WriteString(s.out, leaveScreen) }() // a terminal that is gone needs none
	tick := time.NewTicker(sizeInterval)
	defer tick.Stop()
	f := &frame{screen: s}
	text := func(view.Style) string { return "" }
	for {
		select {
		case <-ctx.Done():
			return nil
		case key := <-s.keys:
			if strings.IndexByte("qQ\x03\x04", key) >= 0 { // control-C and control-D among them
				return nil
			}
			continue
		case n := <-answers:
			f.heard(n.err)
			if n.err == nil {
				text = func(style view.Style) string { return draw(style, n.answer) }
			}
		case <-tick.C:
			if width, height := s.size(); width == f.width && height == f.height && f.fault == nil {
				continue
			}
		}
		if err := f.paint(text); err != nil {
			return err
		}
	}
}

// frame is what a screen shows.
type frame struct {
	*screen
	width, height int
	fault         error
	lost          time.Time // since when there is a fault
}

func (f *frame) heard(err error) {
	if err != nil && f.fault == nil {
		f.lost = time.Now()
	}
	f.fault = err
}

// paint draws as many lines as there is room for, and a last one of its own.
func (f *frame) paint(text func(view.Style) string) error {
	f.width, f.height = f.size()
	style := view.Style{Width: f.width, Colour: f.colour}
	last := style.Note("q ends this; every " + f.every.String())
	if f.fault != nil {
		last = style.Alarm(fmt.Sprintf("For %v: %v", time.Since(f.lost).Truncate(time.Second), f.fault))
	}
	lines := strings.Split(strings.TrimSuffix(text(style), "\n"), "\n")
	if room := f.height - 1; len(lines) > room {
		lines = lines[:max(room, 0)]
		last = style.Note(fmt.Sprintf("q ends this; there is more than fits into %d lines", f.height))
	}
	var b bytes.Buffer
	b.WriteString(beginFrame)
	for _, line := range lines {
		b.WriteString("\x1b[2K" + line + "\r\n")
	}
	b.WriteString("\x1b[2K" + last + endFrame)
	_, err := f.out.Write(b.Bytes())
	return err
}

// onTerminal calls run with a screen, and gives the terminal back as it was,
// also when something ends the program meanwhile.
func onTerminal(ctx context.Context, c console, every time.Duration, run func(context.Context, *screen) error) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	out, _ := terminalOf(c)
	s := &screen{out: out, colour: isColoured(c), every: every, size: func() (int, int) {
		width, height, err := term.GetSize(int(out.Fd()))
		if err != nil || width <= 0 || height <= 0 {
			return 80, 24
		}
		return width, height
	}}
	if in := int(os.Stdin.Fd()); term.IsTerminal(in) {
		before, err := term.MakeRaw(in)
		if err != nil {
			return fmt.Errorf("read keys: %w", err)
		}
		defer func() { _ = term.Restore(in, before) }() // there is nothing left to do about it
		s.keys = keysOf(os.Stdin)
	}
	return run(ctx, s)
}

// keysOf reads keys. A read of a terminal cannot be ended, so the goroutine does
// with the process, which is about to.
func keysOf(in io.Reader) <-chan byte {
	keys := make(chan byte)
	go func() {
		var b [1]byte
		for {
			if n, err := in.Read(b[:]); err != nil {
				return
			} else if n > 0 {
				keys <- b[0]
			}
		}
	}()
	return keys
}
