package bulk

import (
	"os"
	"strings"
	"testing"
	"time"
	"unicode"
)

func TestTerminalLine(t *testing.T) {
	half := Snapshot{Name: "import.users", Total: 1000, OK: 420, Rate: 12.5, ETA: 46 * time.Second}
	bad := half
	bad.Failed, bad.Stalled, bad.Idle, bad.ETA = 80, true, 42*time.Second, Unknown
	open := Snapshot{Name: "etl", Total: Unknown, ETA: Unknown, OK: 1234, Bytes: 3 << 20, Rate: 100}
	hostile := Snapshot{Name: "a\x1b[2J\nb", Total: Unknown, ETA: Unknown}
	tests := []struct {
		style style
		s     Snapshot
		more  int
		want  string
	}{
		{style{width: 80}, half, 0, "import.users  42% [########............] 420/1000  12.5/s  46s left"},
		{style{width: 80, unicode: true}, half, 0, "import.users  42% ▕████████░░░░░░░░░░░░▏ 420/1000  12.5/s  46s left"},
		{style{width: 200}, half, 2, "import.users  42% [################........................] 420/1000  12.5/s  46s left  (+2 more)"},
		{style{width: 50}, half, 0, "import.users  42%  420/1000  12.5/s  46s left"},
		{style{width: 20}, half, 0, "import.users  42%  "},
		{style{width: 1}, half, 0, ""},
		{style{width: 80}, bad, 0, "import.users  50% [##########..........] 500/1000  80 failed  stalled 42s"},
		{style{width: 80, color: true}, bad, 0, "import.users  50% [##########..........] 500/1000  \x1b[31m80 failed\x1b[0m  \x1b[33mstalled 42s\x1b[0m"},
		{style{width: 30, color: true}, bad, 0, "import.users  50%  500/1000  "},
		{style{width: 80}, open, 0, "etl  1234 items  3.0 MiB  100/s"},
		{style{width: 80}, hostile, 0, "a?[2J?b  0 items  0/s"},
	}
	for _, tt := range tests {
		got := tt.style.line(tt.s, tt.more)
		if got != tt.want {
			t.Errorf("%+v\n got %q\nwant %q", tt.style, got, tt.want)
		}
		if n := visible(got); n >= tt.style.width {
			t.Errorf("%d columns in a width of %d", n, tt.style.width)
		}
	}
}

func FuzzTerminalLine(f *testing.F) {
	f.Add("import", int64(10), int64(3), 80)
	f.Add("\x1b]0;x\a\u202e", int64(-1), int64(1<<62), 12)
	f.Fuzz(func(t *testing.T, name string, total, ok int64, width int) {
		st := style{width: max(min(width, 500), 1), unicode: true}
		got := st.line(Snapshot{Name: name, Total: total, OK: max(ok, 0), ETA: Unknown}, 1)
		if visible(got) >= st.width {
			t.Errorf("%q has %d columns, width %d", got, visible(got), st.width)
		}
		if i := strings.IndexFunc(got, unicode.IsControl); i >= 0 {
			t.Errorf("%q has a control character", got)
		}
	})
}

func TestStyleFollowsTheEnvironment(t *testing.T) {
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tests := []struct {
		env  map[string]string
		want style
	}{
		{map[string]string{"LANG": "en_GB.UTF-8"}, style{width: 80, unicode: true, color: true, cursor: true}},
		{map[string]string{"LANG": "en_GB.UTF-8", "LC_ALL": "C"}, style{width: 80, color: true, cursor: true}},
		{map[string]string{"NO_COLOR": "1", "COLUMNS": "100", "LC_CTYPE": "C.utf8"}, style{width: 100, unicode: true, cursor: true}},
		{map[string]string{"COLUMNS": "-3", "LANG": "C"}, style{width: 80, color: true, cursor: true}},
	}
	for _, tt := range tests {
		for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG", "NO_COLOR", "COLUMNS"} {
			t.Setenv(name, tt.env[name])
		}
		t.Setenv("WT_SESSION", "1")
		if got := styleOf(f); got != tt.want {
			t.Errorf("%v: style = %+v, want %+v", tt.env, got, tt.want)
		}
	}
	t.Setenv("TERM", "dumb")
	if isTerminal(f) {
		t.Error("a dumb terminal is drawn on")
	}
}
