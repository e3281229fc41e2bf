package doctor_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/otelmon/otelmon-go/doctor"
)

// What the program begins without, and uses once it can, is no failure.
func TestOutboxOnADiskThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		flags uintptr
		size  string
		below string
		words string
	}{
		"read-only":            {syscall.MS_RDONLY, "1m", "", "read-only"},
		"read-only, not there": {syscall.MS_RDONLY, "1m", "outbox", "read-only"},
		"full":                 {0, "1m,nr_inodes=1", "", "no space"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := syscall.Mount("tmpfs", dir, "tmpfs", c.flags, "mode=700,size="+c.size); err != nil {
				t.Skip("no right to mount a small disk: ", err)
			}
			defer func() {
				if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
					t.Error(err)
				}
			}()
			got := find(examine(t, doctor.Options{}, "OTELMON_OUTBOX_DIR="+filepath.Join(dir, c.below)), doctor.CheckOutbox, "")
			if got.Verdict != doctor.Warning || !strings.Contains(got.Found, c.words) || !strings.Contains(got.Found, "in memory for now") || !strings.Contains(got.Fix, "moves in") {
				t.Errorf("%+v", got)
			}
		})
	}
}

// In a volume of Kubernetes, which is open to everybody, the doctor refuses what the
// program refuses, also before the program has made it.
func TestOutboxInAnOpenVolume(t *testing.T) {
	volume := t.TempDir()
	if err := os.Chmod(volume, 0o777|os.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	for below, c := range map[string]struct {
		verdict doctor.Verdict
		words   string
	}{
		"":               {doctor.Failed, "two levels below"},
		"outbox":         {doctor.Failed, "one level deeper"},
		"otelmon/outbox": {doctor.OK, "can be created"},
	} {
		got := find(examine(t, doctor.Options{}, "OTELMON_OUTBOX_DIR="+filepath.Join(volume, below)), doctor.CheckOutbox, "")
		if got.Verdict != c.verdict || !strings.Contains(got.Found+got.Fix, c.words) {
			t.Errorf("%q: %+v", below, got)
		}
	}
}
