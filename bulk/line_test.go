package bulk

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestTerminalDrawsUntilStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		line := draw(&out, func() style { return style{width: 60} })
		_, op := Start(t.Context(), "op", Total(10))
		for range 2 {
			op.Add(4)
			wait(950 * time.Millisecond)
		}
		_, short := Start(t.Context(), "short")
		wait(200 * time.Millisecond)
		short.End(nil)
		err := errors.New("disk full")
		op.End(&err)
		wait(200 * time.Millisecond)
		_, open := Start(t.Context(), "other")
		wait(200 * time.Millisecond)
		line.Stop()
		line.Stop()
		open.End(nil)

		const final = "op failed after 2.1s: 8 of 10 items (80%), 3.81/s"
		screen := shown(out.String())
		if len(screen) != 2 || screen[0] != final || screen[1] != "" {
			t.Errorf("the screen shows %q, want only %q", screen, final)
		}
		for _, drawn := range []string{
			"\rop  40% [######.........] 4/10  10/s  600ms left",
			"  (+1 more)",
			"\rother  0 items  0/s",
		} {
			if !strings.Contains(out.String(), drawn) {
				t.Errorf("%q was never drawn: %q", drawn, out.String())
			}
		}
	})
}

// shown is what remains on a screen that knows carriage returns and newlines.
func shown(output string) []string {
	var lines []string
	for line := range strings.SplitSeq(output, "\n") {
		var cells []rune
		at := 0
		for _, r := range line {
			if r == '\r' {
				at = 0
				continue
			}
			if at == len(cells) {
				cells = append(cells, ' ')
			}
			cells[at] = r
			at++
		}
		lines = append(lines, strings.TrimRight(string(cells), " "))
	}
	return lines
}

func TestTerminalIsQuietWithoutATerminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	line := Terminal(f)
	_, op := Start(t.Context(), "op")
	op.End(nil)
	for range 2 {
		if n, err := line.Write([]byte("as it is")); n != 8 || err != nil {
			t.Errorf("Write = %d, %v", n, err)
		}
		line.Stop()
	}
	if got, err := os.ReadFile(f.Name()); err != nil || string(got) != "as it isas it is" {
		t.Errorf("%q written to a file, %v", got, err)
	}
	if line.Fd() != f.Fd() {
		t.Error("the descriptor is another's")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	line = Terminal(f) // closed
	line.Stop()
	if _, err := line.Write([]byte("lost")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("writing to a closed file: %v", err)
	}
}

func narrow() style { return style{width: 60} }

func TestLogsStandAboveTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		line := draw(&out, narrow)
		_, op := Start(t.Context(), "op", Total(10))
		op.Add(4)
		wait(1950 * time.Millisecond)
		before := out.Len()
		if n, err := line.Write([]byte("INF one\nINF two\n")); n != 16 || err != nil {
			t.Errorf("Write = %d, %v", n, err)
		}
		const bar = "op  40% [######.........] 4/10"
		line.mu.Lock()
		written := out.String()[before:]
		line.mu.Unlock()
		if got := shown(written); len(got) != 3 || got[0] != "INF one" || got[1] != "INF two" || !strings.HasPrefix(got[2], bar) {
			t.Errorf("one write left %q", got)
		}
		wait(200 * time.Millisecond)
		op.End(nil)
		fmt.Fprintln(line, "done")
		line.Stop()
		fmt.Fprint(line, "bare")

		const final = "op completed after 2.1s: 4 of 10 items (40%), 1.86/s"
		want := []string{"INF one", "INF two", final, "done", "bare"}
		if got := shown(out.String()); !slices.Equal(got, want) {
			t.Errorf("the screen shows\n%q, want\n%q", got, want)
		}
	})
}

func TestNothingIsDrawnBehindHalfALine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		line := draw(&out, narrow)
		_, op := Start(t.Context(), "op")
		wait(1500 * time.Millisecond)
		fmt.Fprint(line, "is this ")
		op.End(nil)
		wait(time.Second)
		fmt.Fprint(line, "one line?\n")
		_, op = Start(t.Context(), "next")
		wait(2 * time.Second)
		fmt.Fprint(line, "half")
		op.End(nil)
		line.Stop()
		want := []string{"is this one line?", "op completed after 1.5s: 0 items, 0/s", "half", "next completed after 2.0s: 0 items, 0/s", ""}
		if got := shown(out.String()); !slices.Equal(got, want) {
			t.Errorf("the screen shows\n%q, want\n%q", got, want)
		}
	})
}

func TestManyWriteAndStopAtOnce(t *testing.T) {
	var out bytes.Buffer
	line := draw(&out, narrow)
	_, op := Start(t.Context(), "op")
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 200 {
				fmt.Fprintf(line, "%d says %d\n", g, i)
			}
			line.Stop()
		})
	}
	all.Wait()
	op.End(nil)
	seen := make(map[string]bool)
	for _, l := range shown(out.String()) {
		seen[l] = true
	}
	for g := range 4 {
		for i := range 200 {
			if l := fmt.Sprintf("%d says %d", g, i); !seen[l] {
				t.Fatalf("%q is garbled", l)
			}
		}
	}
}

// full takes few bytes and then fails.
type full int

var errFull = errors.New("no space left")

func (f *full) Write(p []byte) (int, error) {
	n := min(len(p), int(*f))
	*f -= full(n)
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

func TestWriteTellsWhatBecameOfTheText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := full(3)
		line := draw(&room, narrow)
		defer line.Stop()
		for _, want := range []int{3, 0} {
			if n, err := line.Write([]byte("hello\n")); n != want || !errors.Is(err, errFull) {
				t.Errorf("Write = %d, %v, want %d and the error of the file", n, err, want)
			}
		}
	})
}

// screen is what a terminal shows that knows carriage returns, newlines and how
// to go up.
func screen(output string) []string {
	lines, row, column := [][]rune{nil}, 0, 0
	for i := 0; i < len(output); {
		if strings.HasPrefix(output[i:], "\x1b[A") {
			row, i = row-1, i+3
			continue
		}
		switch c := rune(output[i]); c {
		case '\n':
			if row, column = row+1, 0; row == len(lines) {
				lines = append(lines, nil)
			}
		case '\r':
			column = 0
		default:
			for len(lines[row]) <= column {
				lines[row] = append(lines[row], ' ')
			}
			lines[row][column] = c
			column++
		}
		i++
	}
	var text []string
	for _, l := range lines {
		text = append(text, strings.TrimRight(string(l), " "))
	}
	return text
}

func TestSeveralOperationsHaveALineEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		line := draw(&out, func() style { return style{width: 60, cursor: true} })
		var ops []*Operation
		for i := range maxLines + 2 {
			_, op := Start(t.Context(), fmt.Sprint("op", i))
			ops = append(ops, op)
			wait(time.Millisecond)
		}
		wait(2 * time.Second)
		fmt.Fprintln(line, "a log line")
		wait(200 * time.Millisecond)
		want := []string{"a log line", "op0  0 items  0/s", "op1  0 items  0/s", "op2  0 items  0/s", "op3  0 items  0/s", "op4  0 items  0/s  (+2 more)"}
		if got := screen(out.String()); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("the screen shows\n%q, want\n%q", got, want)
		}
		for _, op := range ops[1:] {
			op.End(nil)
		}
		wait(200 * time.Millisecond)
		got := screen(out.String())
		if !strings.HasPrefix(got[1], "op1 completed after 2.") || !strings.HasPrefix(got[6], "op6 completed") || got[7] != "op0  0 items  0/s" {
			t.Errorf("after six have ended, the screen shows %q", got)
		}
		line.Stop()
		ops[0].End(nil)
		if got := screen(out.String()); got[7] != "" || len(got) > 8 {
			t.Errorf("at the end, the screen shows %q", got)
		}
	})
}
