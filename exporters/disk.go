package exporters

import (
	"context"
	"fmt"
	"time"

	"github.com/otelmon/otelmon-go/exporters/spool"
)

const flagGzip = 1

// damaged is how long a parcel that should be there is waited for: if it does not
// come it can't be read, or is gone.
const damaged = 100 * time.Millisecond

// disk is a store in a directory.
type disk struct {
	id      string
	log     *spool.Log
	cursors []*spool.Cursor
	ahead   [][signals]*parcel // read by holds
}

// openDisk opens the log and a cursor for each destination.
func openDisk(o Options, lost func(destination int, s Signal, r Reason, items int64)) (*disk, error) {
	known := map[string]int{}
	for i, d := range o.Destinations {
		known[d.Name] = i
	}
	log, err := spool.Open(spool.Options{
		Dir: o.Dir, MaxBytes: o.MaxBytes, MaxAge: o.MaxAge, MinFree: o.MinFree, Retain: o.Retain, Sync: o.Sync,
		Wrap: o.wrap,
		Lost: func(l spool.Loss) {
			if d, ok := known[l.Cursor]; ok && l.Lane < signals {
				lost(d, Signal(l.Lane), reasonOf(l.Reason), int64(l.Items)) //nolint:gosec // a count of what was in memory
			}
		},
	})
	if err != nil {
		return nil, err
	}
	d := &disk{log: log}
	for _, to := range o.Destinations {
		start := spool.Newest
		if to.Backfill {
			start = spool.Oldest
		}
		c, err := log.Cursor(to.Name, start)
		if err != nil {
			log.Close()
			return nil, err
		}
		d.cursors = append(d.cursors, c)
	}
	d.ahead = make([][signals]*parcel, len(d.cursors))
	return d, nil
}

func reasonOf(r spool.Reason) Reason {
	switch r {
	case spool.Evicted:
		return Evicted
	case spool.Expired:
		return Expired
	case spool.Abandoned:
		return Abandoned
	}
	return Corrupt
}

func (d *disk) put(s Signal, p parcel) error {
	r := spool.Record{Items: uint32(p.items), Lane: uint8(s), Payload: p.body} //nolint:gosec // a batch's length
	if p.gzip {
		r.Flags = flagGzip
	}
	_, err := d.log.Append(r)
	return err
}

// holds reports whether a parcel up to seq still waits. It is for once, before
// the first next.
func (d *disk) holds(destination int, s Signal, seq uint64) bool {
	if d.backlog(destination, s).parcels == 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), damaged)
	defer cancel()
	p, err := d.next(ctx, destination, s)
	if err != nil {
		return false
	}
	d.ahead[destination][s] = &p
	return p.seq <= seq
}

func (d *disk) next(ctx context.Context, destination int, s Signal) (parcel, error) {
	if p := d.ahead[destination][s]; p != nil {
		d.ahead[destination][s] = nil
		return *p, nil
	}
	r, err := d.cursors[destination].Next(ctx, uint8(s))
	if err != nil {
		return parcel{}, fmt.Errorf("read what waits: %w", err)
	}
	return parcel{seq: r.Seq, items: int64(r.Items), made: r.Time, gzip: r.Flags&flagGzip != 0, body: r.Payload}, nil
}

func (d *disk) ack(destination int, s Signal, seq uint64) error {
	return d.cursors[destination].Ack(uint8(s), seq)
}

func (d *disk) backlog(destination int, s Signal) backlog {
	b := d.cursors[destination].Pending(uint8(s))
	return backlog{int64(b.Records), int64(b.Items), b.Bytes, b.Oldest} //nolint:gosec // counts of what is on disk
}

func (d *disk) origin() string { return d.id }
