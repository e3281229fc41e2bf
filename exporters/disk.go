package exporters

import (
	"context"
	"fmt"
	"time"

	"github.com/otelmon/otelmon-go/exporters/spool"
)

const flagSqueezed = 1 // by S2

// damaged is how long a parcel that should be there is waited for: if it does not
// come it can't be read, or is gone.
const damaged = 100 * time.Millisecond

// disk is a store in a directory.
type disk struct {
	id      string
	log     *spool.Log
	cursors []*spool.Cursor
	ahead   [][lanes]*parcel // read by holds
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
			if d, ok := known[l.Cursor]; ok && l.Lane < lanes {
				lost(d, lane(l.Lane).signal(), reasonOf(l.Reason), int64(l.Items)) //nolint:gosec // a count of what was in memory
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
	d.ahead = make([][lanes]*parcel, len(d.cursors))
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

func (d *disk) put(l lane, p parcel) error {
	r := spool.Record{Items: uint32(p.items), Lane: uint8(l), Payload: p.body} //nolint:gosec // a batch's length
	if p.squeezed {
		r.Flags = flagSqueezed
	}
	_, err := d.log.Append(r)
	return err
}

// holds reports whether a parcel up to seq still waits. It is for once, before
// the first next.
func (d *disk) holds(destination int, l lane, seq uint64) bool {
	if d.backlog(destination, l).parcels == 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), damaged)
	defer cancel()
	p, err := d.next(ctx, destination, l)
	if err != nil {
		return false
	}
	d.ahead[destination][l] = &p
	return p.seq <= seq
}

func (d *disk) next(ctx context.Context, destination int, l lane) (parcel, error) {
	if p := d.ahead[destination][l]; p != nil {
		d.ahead[destination][l] = nil
		return *p, nil
	}
	r, err := d.cursors[destination].Next(ctx, uint8(l))
	if err != nil {
		return parcel{}, fmt.Errorf("read what waits: %w", err)
	}
	return parcel{seq: r.Seq, items: int64(r.Items), made: r.Time, squeezed: r.Flags&flagSqueezed != 0, body: r.Payload}, nil
}

func (d *disk) ack(destination int, l lane, seq uint64) error {
	return d.cursors[destination].Ack(uint8(l), seq)
}

func (d *disk) backlog(destination int, l lane) backlog {
	b := d.cursors[destination].Pending(uint8(l))
	return backlog{int64(b.Records), int64(b.Items), b.Bytes, b.Oldest} //nolint:gosec // counts of what is on disk
}

func (d *disk) origin() string { return d.id }
