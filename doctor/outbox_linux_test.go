package doctor_test

import (
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
