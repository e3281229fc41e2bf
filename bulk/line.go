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
	maxLines  = 5           // operations that are drawn at once
	lingering = time.Second // an operation that took less leaves no line behind
)

// Line is the progress at the bottom of a terminal, a line for each operation. Whatever else is written
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
	drawn   []int        // characters on each line
	partial bool         // what was written last ended within a line
}

// Terminal draws a progress line for the running operations of this process on
// f, usually [os.Stderr], and one last line for each that ends. It draws nothing
// if f is not a terminal or TERM is "dumb". NO_COLOR turns colours off, and a
// locale without UTF-8 turns to plain ASCII. Of several operations the five
// oldest are drawn, a line each; on an old Windows console the oldest.
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
		l.put(&out)
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
	l.put(&out)
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
			l.drawn = l.drawn[:0]
		}
	}
	l.shown = slices.DeleteFunc(l.shown, (*Operation).ended)
}

// progress draws the oldest of those that run, a line each. One that has ended since the
// farewell stays in shown for the next.
func (l *Line) progress(out *bytes.Buffer, st style) {
	running := slices.DeleteFunc(operations.list(), (*Operation).ended)
	lines := 1
	if st.cursor {
		lines = maxLines
	}
	var texts []string
	for i, o := range running[:min(len(running), lines)] {
		more := 0
		if i == lines-1 {
			more = len(running) - lines
		}
		texts = append(texts, st.line(o.look(time.Now()), more))
	}
	for _, o := range l.shown {
		if !slices.Contains(running, o) {
			running = append(running, o)
		}
	}
	l.shown = running
	l.put(out, texts...)
}

func (o *Operation) ended() bool { return o.final.Load() != nil }

// put replaces the lines. Blanks erase what was longer: every console knows
// blanks, not all know escape sequences, and those get one line only.
func (l *Line) put(out *bytes.Buffer, texts ...string) {
	const up = "\x1b[A"
	out.WriteString(strings.Repeat(up, max(len(l.drawn)-1, 0)))
	n := max(len(texts), len(l.drawn))
	for i := range n {
		if i > 0 {
			out.WriteByte('\n')
		}
		text, old := "", 0
		if i < len(texts) {
			text = texts[i]
		}
		if i < len(l.drawn) {
			old = l.drawn[i]
		}
		if width := visible(text); width > 0 || old > 0 {
			out.WriteString("\r" + text + strings.Repeat(" ", max(old-width, 0)))
			if width == 0 {
				out.WriteByte('\r')
			}
		}
	}
	out.WriteString(strings.Repeat(up, n-max(len(texts), min(n, 1))))
	l.drawn = l.drawn[:0]
	for _, text := range texts {
		l.drawn = append(l.drawn, visible(text))
	}
}
