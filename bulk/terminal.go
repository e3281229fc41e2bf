package bulk

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxBar = 40
	minBar = 10
)

// style is what a terminal can show.
type style struct {
	width          int
	unicode, color bool
	cursor         bool // it can be moved up
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

func styleOf(f *os.File) style {
	st := style{width: columns(f), unicode: hasUnicode(), color: os.Getenv("NO_COLOR") == "", cursor: true}
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); st.width <= 0 && err == nil {
		st.width = n
	}
	if st.width <= 0 {
		st.width = 80
	}
	if runtime.GOOS == "windows" && os.Getenv("WT_SESSION") == "" {
		st.unicode, st.color, st.cursor = false, false, false // an old console
	}
	return st
}

// hasUnicode reads the locale as C libraries do: the first variable that is set
// decides. Windows has none.
func hasUnicode() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(os.Getenv(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return runtime.GOOS == "windows"
}

// line is the progress of one operation in at most width-1 columns, because
// some terminals wrap after the last.
func (st style) line(s Snapshot, more int) string {
	name := printable(s.Name)
	var tail []string
	switch {
	case s.byBytes && s.TotalBytes >= 0:
		tail = append(tail, size(s.Bytes)+"/"+size(s.TotalBytes))
	case s.byBytes:
		tail = append(tail, size(s.Bytes))
	case s.Total >= 0:
		tail = append(tail, fmt.Sprintf("%d/%d", s.Items(), s.Total))
	default:
		tail = append(tail, items(s.Items()))
	}
	if s.Bytes > 0 && !s.byBytes {
		tail = append(tail, size(s.Bytes))
	}
	if s.Failed > 0 {
		tail = append(tail, st.paint(red, fmt.Sprintf("%d failed", s.Failed)))
	}
	switch {
	case s.Stalled:
		tail = append(tail, st.paint(yellow, "stalled "+span(s.Idle)))
	case s.ETA >= 0:
		tail = append(tail, s.pace(), span(s.ETA)+" left")
	case !s.onlySkips():
		tail = append(tail, s.pace())
	}
	if more > 0 {
		tail = append(tail, fmt.Sprintf("(+%d more)", more))
	}
	text := strings.Join(tail, "  ")
	if s.Progress() < 0 {
		return st.fit(name + "  " + text)
	}
	head := fmt.Sprintf("%s %4s ", name, percent(s.Progress()))
	return st.fit(head + st.bar(s.Progress(), st.width-1-visible(head)-visible(text)-3) + " " + text)
}

// bar takes a quarter of the line, whatever else stands there, so that it does
// not jitter; without that much room there is none.
func (st style) bar(progress float64, room int) string {
	width := min(st.width/4, maxBar)
	if width < minBar || width > room {
		return ""
	}
	full := int(progress * float64(width))
	if st.unicode {
		return "▕" + strings.Repeat("█", full) + strings.Repeat("░", width-full) + "▏"
	}
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", width-full) + "]"
}

func (st style) ending(s Snapshot) string {
	text := printable(s.closing())
	switch s.Result {
	case Failed:
		text = st.paint(red, text)
	case Canceled:
		text = st.paint(yellow, text)
	}
	return text
}

const (
	red    = "31"
	yellow = "33"
)

func (st style) paint(colour, text string) string {
	if !st.color {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// fit cuts the text at the last column but one. A cut text loses its colours.
func (st style) fit(text string) string {
	if visible(text) < st.width {
		return text
	}
	plain := []rune(uncoloured(text))
	return string(plain[:max(st.width-1, 0)])
}

// visible is the number of columns that a text takes, colours aside.
func visible(text string) int { return utf8.RuneCountInString(uncoloured(text)) }

func uncoloured(text string) string {
	for _, code := range []string{red, yellow, "0"} {
		text = strings.ReplaceAll(text, "\x1b["+code+"m", "")
	}
	return text
}

// printable keeps names from sending the terminal anything but characters.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}
