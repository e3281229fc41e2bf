//go:build linux || darwin

package spool

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestDirectoryOfOnesOwn(t *testing.T) {
	for what, test := range map[string]struct {
		make func(dir string) error
		want string
	}{
		"symbolic link":    {func(dir string) error { return os.Symlink(t.TempDir(), dir) }, "symbolic link"},
		"a file":           {func(dir string) error { return os.WriteFile(dir, nil, 0o600) }, "directory"},
		"group may write":  {func(dir string) error { return mkdir(dir, 0o720) }, "chmod 700"},
		"others may write": {func(dir string) error { return mkdir(dir, 0o702) }, "chmod 700"},
		"like /tmp":        {func(dir string) error { return mkdir(dir, 0o777|os.ModeSticky) }, "chmod 700"},
		"open parent":      {func(dir string) error { return errors.Join(os.Chmod(filepath.Dir(dir), 0o777), mkdir(dir, 0o700)) }, "another parent"},
	} {
		t.Run(what, func(t *testing.T) {
			dir := place(t)
			if err := test.make(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("%v", err)
			}
		})
	}
	t.Run("all at once", func(t *testing.T) {
		dir := place(t)
		if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o777), mkdir(dir, 0o777)); err != nil {
			t.Fatal(err)
		}
		_, err := Open(Options{Dir: dir})
		if err == nil || !strings.Contains(err.Error(), "chmod 700") || !strings.Contains(err.Error(), "another parent") {
			t.Errorf("%v", err)
		}
	})
	t.Run("another user's", func(t *testing.T) {
		if os.Geteuid() != 0 {
			t.Skip("only root can give a directory away")
		}
		dir := place(t)
		if err := errors.Join(mkdir(dir, 0o700), os.Chown(dir, 12345, 12345)); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "belongs to user 12345") {
			t.Errorf("%v", err)
		}
	})
	t.Run("new", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "a", "b")
		l := start(t, Options{Dir: dir})
		cursor(t, l, "a")
		add(t, l, 1, 1, "x")
		for name, want := range map[string]os.FileMode{dir: 0o700, segments(t, dir)[0]: 0o600, filepath.Join(dir, "cursor-a"): 0o600, filepath.Join(dir, "lock"): 0o600} {
			if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
				t.Errorf("%s: %v, %v", name, info.Mode(), err)
			}
		}
	})
}

// A volume of Kubernetes is open to everybody. What the error advises is taken, and the
// same is said of a directory that nobody has made yet.
func TestDirectoryInAnOpenVolume(t *testing.T) {
	volume := place(t)
	if err := mkdir(volume, 0o777|os.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ below, advice string }{
		{"", "two levels below"}, {"outbox", "one level deeper"}, {"otelmon/outbox", ""},
	} {
		dir := filepath.Join(volume, test.below)
		said := Shared(dir)
		l, err := Open(Options{Dir: dir})
		if test.advice == "" && err == nil && said == nil {
			l.Close()
			continue
		}
		if err == nil || said == nil || !strings.Contains(err.Error(), test.advice) || !strings.Contains(err.Error(), said.Error()) {
			t.Errorf("%q: %v, and before %v", test.below, err, said)
		}
	}
}

// mkdir ignores the umask.
func mkdir(dir string, mode os.FileMode) error {
	return errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, mode))
}

func TestForeignFilesAreLeftAlone(t *testing.T) {
	dir := place(t)
	outside := filepath.Join(t.TempDir(), "outside")
	name := nameSegment(1, position{}, 0, mark)
	if err := errors.Join(
		mkdir(dir, 0o700),
		os.WriteFile(outside, []byte("secret"), 0o600),
		os.WriteFile(filepath.Join(dir, "README"), []byte("mine"), 0o644),
		os.WriteFile(filepath.Join(dir, "1-x.seg"), []byte("mine"), 0o644),
		os.WriteFile(filepath.Join(dir, "9"+name[1:]), []byte("mine"), 0o644),
		os.WriteFile(filepath.Join(dir, "cursor-%zz"), []byte("mine"), 0o644),
		os.Mkdir(filepath.Join(dir, nameSegment(2, position{}, 0, mark)), 0o700),
		os.Symlink(outside, filepath.Join(dir, name)),
		os.Symlink(outside, filepath.Join(dir, "cursor-a")),
		syscall.Mkfifo(filepath.Join(dir, nameSegment(3, position{}, 0, mark)), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	l := start(t, Options{Dir: dir})
	if _, err := l.Cursor("a", Oldest); err == nil {
		t.Error("a cursor leads out of the directory")
	}
	c := cursor(t, l, "b")
	for lane := range uint8(4) {
		add(t, l, lane, 1, "x")
		if got, _ := drain(t, c, lane); len(got) != 1 {
			t.Errorf("lane %d: read %q", lane, got)
		}
	}
	tend(t, l, l.opened)
	l.Close()
	if b, err := os.ReadFile(outside); err != nil || string(b) != "secret" {
		t.Errorf("%q, %v", b, err)
	}
	for _, name := range []string{"README", "1-x.seg", "9" + name[1:], "cursor-%zz"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != "mine" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}

func TestOneProcessAtATime(t *testing.T) {
	dir := place(t)
	l := start(t, Options{Dir: dir})
	if _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Errorf("%v", err)
	}
	// Another process, and one that was started while the lock was held.
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), "SPOOL_VICTIM="+dir)
	if out, err := command.CombinedOutput(); err == nil || !strings.Contains(string(out), ErrLocked.Error()) {
		t.Errorf("%v: %s", err, out)
	}
	l.Close()
	start(t, Options{Dir: dir})
}

func TestReadOnlyDirectory(t *testing.T) {
	dir := place(t)
	start(t, Options{Dir: dir}).Close()
	if os.Geteuid() == 0 {
		mount(t, dir, 1) // MS_RDONLY
	} else if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "lock") {
		t.Errorf("%v", err)
	}
}
