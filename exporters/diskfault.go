package exporters

import (
	"errors"
	"fmt"
	"time"
)

// diskPause is how long a disk that failed is left alone.
const diskPause = 10 * time.Second

// diskFault is why telemetry waits in memory instead of in the directory.
type diskFault struct {
	err   error
	until time.Time // when the disk is tried again
}

// diskIsBack reports whether the disk is to be tried.
func (b *Outbox) diskIsBack() bool {
	f := b.fault.Load()
	return f == nil || time.Now().After(f.until)
}

// diskFailed leaves the disk alone for a while. It tells only that this begins.
func (b *Outbox) diskFailed(err error) {
	if b.fault.Swap(&diskFault{err, time.Now().Add(diskPause)}) == nil {
		b.options.Report(fmt.Errorf("telemetry waits in memory, as the disk does not take it: %w", err))
	}
}

func (b *Outbox) diskWorks() {
	if b.fault.Load() != nil && b.fault.Swap(nil) != nil {
		b.options.Report(errors.New("telemetry waits in the directory again"))
	}
}
