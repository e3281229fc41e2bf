package checkers

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/health"
)

func TestFileAge(t *testing.T) {
	dir := t.TempDir()
	pattern := filepath.Join(dir, "backup-*")
	write := func(name string, age time.Duration) {
		t.Helper()
		name = filepath.Join(dir, name)
		must(t, os.WriteFile(name, nil, 0o600))
		must(t, os.Chtimes(name, time.Time{}, time.Now().Add(-age)))
	}
	limits := DurationLimits{Degraded: 25 * time.Hour, Unhealthy: 49 * time.Hour}
	check := FileAge(pattern, limits)

	expect(t, check, health.StateUnhealthy, "no file is "+pattern)
	must(t, os.Mkdir(filepath.Join(dir, "backup-folder"), 0o700))
	expect(t, check, health.StateUnhealthy, "no file is "+pattern)
	write("backup-1", 50*time.Hour)
	write("other", 0)
	expect(t, check, health.StateUnhealthy, "backup-1 is the newest and 50h0m0s old")
	write("backup-0", 30*time.Hour) // neither the first nor the last name is the newest
	write("backup-2", 60*time.Hour)
	expect(t, check, health.StateDegraded, "backup-0 is the newest and 30h0m0s old")
	write("backup-2", time.Hour)
	got := expect(t, check, health.StateHealthy, "")
	if age, _ := strconv.ParseFloat(detail(t, got, "file.age"), 64); age < 3600 || age > 2*3600 || detail(t, got, "file.newest") != "backup-2" {
		t.Errorf("%v s old, %s", age, detail(t, got, "file.newest"))
	}
	write("backup-2", -time.Hour)
	expect(t, check, health.StateDegraded, "backup-2 was written 1h0m0s in the future")
	must(t, os.Remove(filepath.Join(dir, "backup-2")))
	expect(t, check, health.StateDegraded, "backup-0 is the newest and 30h0m0s old")
}

// unsupported reports, and checks, that a checker says so.
func unsupported(t *testing.T, got health.Result) bool {
	t.Helper()
	if runtime.GOOS == "linux" || runtime.GOOS == "darwin" {
		return false
	}
	if got.State != health.StateUnhealthy || !strings.Contains(got.Message, "not supported on "+runtime.GOOS) {
		t.Errorf("%s (%s)", got.State, got.Message)
	}
	return true
}

func TestFileDescriptors(t *testing.T) {
	got := execute(t, FileDescriptors(ShareLimits{}))
	if unsupported(t, got) {
		return
	}
	before, err := strconv.Atoi(detail(t, got, "fd.open"))
	must(t, err)
	const more = 1100 // more than are listed at a time
	var files []*os.File
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	for range more {
		f, err := os.Open(os.DevNull)
		if errors.Is(err, syscall.EMFILE) {
			t.Fatal("the tests need a limit of more than 1100 files")
		}
		must(t, err)
		files = append(files, f)
	}
	got = execute(t, FileDescriptors(ShareLimits{}))
	after, err := strconv.Atoi(detail(t, got, "fd.open"))
	must(t, err)
	if after != before+more {
		t.Errorf("%d open, %d before %d more", after, before, more)
	}
	limit, err := strconv.Atoi(detail(t, got, "fd.limit"))
	must(t, err)
	share := float64(after) / float64(limit)
	expect(t, FileDescriptors(ShareLimits{Degraded: share / 2, Unhealthy: 1}), health.StateDegraded, "")
	expect(t, FileDescriptors(ShareLimits{Unhealthy: share / 2}), health.StateUnhealthy, "")
	expect(t, FileDescriptors(ShareLimits{Unhealthy: 1}), health.StateHealthy, "")
}

func TestInodes(t *testing.T) {
	dir := t.TempDir()
	got := execute(t, Inodes(dir, ShareLimits{Unhealthy: 1}))
	if unsupported(t, got) {
		return
	}
	if got.State != health.StateHealthy {
		t.Errorf("%s (%s)", got.State, got.Message)
	}
	if got := expect(t, Inodes(dir+"/none", ShareLimits{}), health.StateUnhealthy, ""); !strings.Contains(got.Message, dir+"/none") {
		t.Errorf("message %q does not name the path", got.Message)
	}
}
