package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/otelmon/otelmon-go/exporters/spool"
	"github.com/otelmon/otelmon-go/health/checkers"
)

// outbox looks whether telemetry can wait on the disk. It opens no log and takes
// no lock, since the program may be running.
func (p *patient) outbox(ctx context.Context) []Check {
	const name = "OTELMON_OUTBOX_DIR"
	dir := p.set.String(name)
	if dir == "" {
		return []Check{{
			Name: CheckOutbox, Verdict: OK, Source: p.set.Source(name),
			Found: "Telemetry waits in memory only: a long outage or a crash loses it. OTELMON_OUTBOX_DIR would keep it on the disk.",
		}}
	}
	c := Check{Name: CheckOutbox, Subject: dir, Verdict: OK, Source: p.set.Source(name), Found: "The directory of the outbox can be used."}
	existing, err := usable(dir)
	if err != nil {
		c = sentences(c, err.Error())
		c.Verdict = Failed
		if spool.MayPass(err) {
			c.Verdict = Warning
		}
		return []Check{c}
	}
	if existing != dir {
		c.Found = fmt.Sprintf("The directory of the outbox is not there yet, and can be created in %s.", existing)
	}
	room := uint64(p.set.Int("OTELMON_OUTBOX_MAX_BYTES"))
	if err := checkers.DiskSpace(existing, checkers.DiskSpaceOptions{DegradedBytes: room, UnhealthyBytes: room / 8})(ctx); err != nil {
		c.Verdict, c.Detail = Warning, err.Error()
		c.Found = fmt.Sprintf("The disk has no room for the %d bytes that the outbox may take.", room)
		c.Fix = "Make room, or set OTELMON_OUTBOX_MAX_BYTES to less."
	}
	return []Check{c}
}

// usable returns the directory, or the nearest above it that exists.
func usable(dir string) (existing string, err error) {
	info, err := os.Lstat(dir)
	for existing = dir; errors.Is(err, fs.ErrNotExist); {
		up := filepath.Dir(existing)
		if up == existing {
			break
		}
		existing = up
		info, err = os.Stat(existing)
	}
	switch {
	case spool.MayPass(err):
		return existing, forNow(err)
	case err != nil:
		return existing, fmt.Errorf("the directory of the outbox cannot be looked at (%w); name another, or give its user access", err)
	case !info.IsDir():
		return existing, fmt.Errorf("%s is no directory; name the directory itself, and no symbolic link", existing)
	}
	if err := spool.Shared(dir); err != nil {
		return existing, parts(err)[0]
	}
	// Asking for permissions says less than trying: file systems are mounted
	// read-only, and users are mapped.
	tried, err := os.MkdirTemp(existing, ".otelmon-doctor-")
	if err == nil {
		err = os.Remove(tried)
	}
	switch {
	case spool.MayPass(err):
		return existing, forNow(err)
	case err != nil:
		return existing, fmt.Errorf("this user cannot write to %s; give the directory to the user that the program runs as", existing)
	}
	return existing, nil
}

// forNow says what the program does about a disk that it cannot use yet.
func forNow(err error) error {
	return fmt.Errorf("telemetry waits in memory for now, as the disk of the outbox does not take it (%w); put the disk right, and the program moves in within seconds", err)
}
