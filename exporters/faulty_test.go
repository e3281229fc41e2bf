package exporters

import "github.com/otelmon/otelmon-go/internal/files/filestest"

// On puts the directory of an outbox on a disk that can fail.
func On(d *filestest.Disk, o Options) Options {
	o.wrap = d.Wrap
	return o
}
