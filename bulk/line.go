package bulk

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	frameTime = 100 * time.Millisecond
	lingering = time.Second // an operation that took less leaves no line behind
)

// Line is a progress line at the bottom of a terminal. Whatever else is written
// to that terminal must go through its Write, or the two garble each other. All
// methods may be called by many goroutines at once.
type Line struct {
	file  *os.File
	w     io.Writer
	style func() style // asked for each frame, since windows are resized
	stop  func()

	mu      sync.Mutex // guards the fields below and orders what is written
	drawing bool
	shown   []*Operation // as of the last frame, the oldest first
	drawn   int          // characters on the line
	partial bool         // what was written last ended within a line
}

// Terminal draws a progress line for the running operations of this process on
// f, usually [os.Stderr], and one last line for each that ends. It draws nothing
// if f is not a terminal or TERM is "dumb". NO_COLOR turns colours off, and a
// locale without UTF-8 turns to plain ASCII. Of several operations the oldest
// is drawn.
//
// The caller calls [Line.Stop], and has loggers write to the line instead of f:
//
//	line := bulk.Terminal(os.Stderr)
//	defer line.Stop()
//	mon, err := otelmon.Start(ctx, otelmon.Config{LogOutput: line})
func Terminal(f *os.File) *Line {
	if !isTerminal(f) {
		return &Line{file: f, w: f, stop: func() {}}
	}
	l := draw(f, func() style { return styleOf(f) })
	l.file = f
	return l
}

func draw(w io.Writer, st func() style) *Line {
	l := &Line{w: w, style: st, drawing: true}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(frameTime)
		defer ticker.Stop()
		for {
			select {
			case <-quit:
				l.finish()
				return
			case <-ticker.C:
				l.frame()
			}
		}
	}()
	l.stop = sync.OnceFunc(func() {
		close(quit)
		<-done
	})
	return l
}

// Stop clears the line and waits until nothing more is drawn. A second call
// does nothing. What is written afterwards goes to the file as it is.
func (l *Line) Stop() { l.stop() }

// Fd returns the descriptor of the file, by which loggers recognise a terminal.
func (l *Line) Fd() uintptr { return l.file.Fd() }

// Write puts p above the line, in one piece. While p ends within a line, no
// progress is drawn behind it. Without a terminal, and once stopped, p goes to
// the file unchanged. The errors are those of the file.
func (l *Line) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.drawing || len(p) == 0 {
		return l.w.Write(p)
	}
	var out bytes.Buffer
	st := l.style()
	if !l.partial {
		l.farewell(&out, st)
		l.put(&out, "")
	}
	before := out.Len()
	out.Write(p)
	if l.partial = p[len(p)-1] != '\n'; !l.partial {
		l.farewell(&out, st)
		l.progress(&out, st)
	}
	n, err := l.w.Write(out.Bytes())
	return min(max(n-before, 0), len(p)), err
}

// frame draws the line anew, and above it those that have ended since.
func (l *Line) frame() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.partial {
		return
	}
	var out bytes.Buffer
	st := l.style()
	l.farewell(&out, st)
	l.progress(&out, st)
	l.flush(&out)
}

// finish leaves the terminal as if there had never been a line, but for those
// that have ended.
func (l *Line) finish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out bytes.Buffer
	l.farewell(&out, l.style())
	if l.partial && out.Len() > 0 {
		_, _ = l.w.Write([]byte{'\n'})
	}
	l.put(&out, "")
	l.flush(&out)
	l.drawing = false
}

func (l *Line) flush(out *bytes.Buffer) {
	if out.Len() > 0 {
		_, _ = l.w.Write(out.Bytes()) // nobody could be told that the terminal is gone
	}
}

// farewell writes the last line of each operation that has ended since it was
// shown.
func (l *Line) farewell(out *bytes.Buffer, st style) {
	for _, o := range l.shown {
		if last := o.final.Load(); last != nil && last.Elapsed >= lingering {
			l.put(out, st.ending(*last))
			out.WriteByte('\n')
			l.drawn = 0
		}
	}
	l.shown = slices.DeleteFunc(l.shown, (*Operation).ended)
}

// progress draws the oldest of those that run. One that has ended since the
// farewell stays in shown for the next.
func (l *Line) progress(out *bytes.Buffer, st style) {
	running := slices.DeleteFunc(operations.list(), (*Operation).ended)
	text := ""
	if len(running) > 0 {
		text = st.line(running[0].look(time.Now()), len(running)-1)
	}
	for _, o := range l.shown {
		if !slices.Contains(running, o) {
			running = append(running, o)
		}
	}
	l.shown = running
	l.put(out, text)
}

func (o *Operation) ended() bool { return o.final.Load() != nil }

// put replaces the line. Blanks erase what was longer: every console knows
// blanks, not all know escape sequences.
func (l *Line) put(out *bytes.Buffer, text string) {
	n := visible(text)
	if n == 0 && l.drawn == 0 {
		return
	}
	out.WriteString("\r" + text + strings.Repeat(" ", max(l.drawn-n, 0)))
	if n == 0 {
		out.WriteByte('\r')
	}
	l.drawn = n
}
