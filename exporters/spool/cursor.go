package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// maxFailures is how often a segment may fail to be read before the rest of it
// is given up.
const maxFailures = 5

// Start says where a cursor begins that the log has never seen.
type Start int

// Where a new cursor may begin.
const (
	Oldest Start = iota // with the oldest record that is kept
	Newest              // with the next record that is appended
)

// Cursor is the place of one reader in each lane. It is safe for concurrent
// use, and each lane has its own reader. It ends with the log.
type Cursor struct {
	log   *Log
	name  string
	file  file
	open  bool      // in this process
	used  time.Time // by an earlier process
	saves uint64
	dirty bool // saved since the last sync
	buf   [cursorSize]byte
	lanes [Lanes]progress
	shown [Lanes]Backlog // see Log.show
}

// progress of a cursor in a lane.
type progress struct {
	read  position // after the last record that was returned or lost
	held  []held   // returned, not acknowledged
	saved position // on the disk for sure
	told  told
	from  *segment // where the last record was
	off   int64    // and its end
	wake  chan struct{}

	heldItems uint64 // in held
	heldBytes int64

	reader reader
}

type held struct {
	before position
	items  uint32
	bytes  int64
	at     time.Time
}

// told is how many losses an earlier process has told of that this one has not
// found yet: the next ones are less by as much.
type told struct{ records, items uint64 }

// behind returns the losses that have been told of behind acked.
func (p *progress) behind() told {
	from := p.acked()
	t := told{p.told.records + p.read.seq - from.seq - uint64(len(p.held)), p.told.items + p.read.items - from.items}
	for _, h := range p.held {
		t.items -= uint64(h.items)
	}
	return t
}

// acked is up to where nothing has to be read again.
func (p *progress) acked() position {
	if len(p.held) > 0 {
		return p.held[0].before
	}
	return p.read
}

func (p *progress) settled() position { return p.saved }

func (p *progress) notify() {
	select {
	case p.wake <- struct{}{}:
	default: // woken already, or nobody reads
	}
}

// Cursor opens the cursor of a name, say of a destination: a new one at start,
// any other after the record that it acknowledged last. It holds records that
// it has not acknowledged, as long as the limits of the log allow. A cursor
// that is not opened within a minute after the log holds nothing any more, and
// is forgotten after [Options.MaxAge]. A name is open only once.
func (l *Log) Cursor(name string, start Start) (*Cursor, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.unlock()
	if l.closed {
		return nil, ErrClosed
	}
	c := l.cursors[name]
	if c == nil {
		var err error
		if c, err = l.create(name, start); err != nil {
			return nil, fmt.Errorf("spool %s: create cursor %q: %w", l.opt.Dir, name, err)
		}
	}
	if c.open {
		return nil, fmt.Errorf("spool %s: cursor %q is open already", l.opt.Dir, name)
	}
	c.open = true
	for i := range c.lanes {
		c.lanes[i].wake = make(chan struct{}, 1)
		c.skip(uint8(i), l.lanes[i].oldest(), Abandoned)
	}
	return c, nil
}

func (l *Log) create(name string, start Start) (*Cursor, error) {
	f, err := l.dir.open(nameCursor(name), os.O_CREATE|os.O_EXCL|os.O_RDWR)
	if err != nil {
		return nil, err
	}
	c := &Cursor{log: l, name: name, file: f}
	for i := range l.lanes {
		c.lanes[i].read = l.lanes[i].last
		if start == Oldest {
			c.lanes[i].read = l.lanes[i].oldest()
		}
	}
	if err := c.save(); err != nil {
		return nil, errors.Join(err, f.Close(), l.dir.root.Remove(nameCursor(name)))
	}
	l.named = true
	l.cursors[name] = c
	return c, nil
}

// Next returns the record after the one it returned last, and waits for it if
// need be. The payload is valid until the next call for the lane. Errors are
// that of the context, [ErrClosed], or what the disk says; then another call
// tries again, and after five failures goes on behind them.
func (c *Cursor) Next(ctx context.Context, lane uint8) (Record, error) {
	if lane >= Lanes {
		return Record{}, fmt.Errorf("spool: lane %d is not below %d", lane, Lanes)
	}
	p := &c.lanes[lane]
	for {
		if err := ctx.Err(); err != nil {
			return Record{}, err
		}
		r, ok, err := c.read(lane, p)
		if ok || err != nil {
			return r, err
		}
		select {
		case <-p.wake:
		case <-c.log.done:
			return Record{}, ErrClosed
		case <-ctx.Done():
			return Record{}, ctx.Err()
		}
	}
}

// Ack acknowledges a record that Next returned and all before it in its lane.
// Acknowledging again does nothing. An error of the disk means that records may
// come again after a restart.
func (c *Cursor) Ack(lane uint8, seq uint64) error {
	l := c.log
	if lane >= Lanes {
		return fmt.Errorf("spool: lane %d is not below %d", lane, Lanes)
	}
	l.mu.Lock()
	defer l.unlock()
	p := &c.lanes[lane]
	if l.closed {
		return ErrClosed
	}
	if seq > p.read.seq {
		return fmt.Errorf("spool: record %d of lane %d was not read yet", seq, lane)
	}
	done := 0
	for done < len(p.held) && p.held[done].before.seq < seq {
		done++
	}
	if done == 0 {
		return nil
	}
	for _, h := range p.held[:done] {
		p.heldItems -= uint64(h.items)
		p.heldBytes -= h.bytes
	}
	p.held = append(p.held[:0], p.held[done:]...)
	if n := &l.lanes[lane]; len(n.segments) > 0 && n.segments[0] != n.active && p.acked().seq >= n.segments[0].last.seq {
		l.wakeTending()
	}
	if err := c.save(); err != nil {
		return fmt.Errorf("spool %s: %w", l.opt.Dir, err)
	}
	return nil
}

// Pending returns what is not acknowledged in a lane, with what Next returned.
// What is damaged counts until it is found. Like [Log.Stats] it never waits for
// the disk.
func (c *Cursor) Pending(lane uint8) Backlog {
	if lane >= Lanes {
		return Backlog{}
	}
	c.log.showing.Lock()
	defer c.log.showing.Unlock()
	return c.shown[lane]
}

func (p *progress) pending(n *lane) Backlog {
	b := Backlog{Records: n.last.seq - p.read.seq, Items: n.last.items - min(p.read.items, n.last.items)}
	b.Records -= min(p.told.records, b.Records)
	b.Items -= min(p.told.items, b.Items)
	if g := n.holding(p.read.seq); g != nil {
		b.Bytes, b.Oldest = n.segments[len(n.segments)-1].end()-g.start, g.born
		if g == p.from {
			b.Bytes -= p.off
		}
	}
	b.Records += uint64(len(p.held))
	b.Items += p.heldItems
	b.Bytes += p.heldBytes
	if len(p.held) > 0 {
		b.Oldest = p.held[0].at
	}
	return b
}

// skip goes on behind records that are lost.
func (c *Cursor) skip(lane uint8, to position, reason Reason) {
	p := &c.lanes[lane]
	if to.seq <= p.read.seq {
		return
	}
	loss := lossBetween(p.read, to, lane, reason)
	loss.Cursor = c.name
	again := told{min(loss.Records, p.told.records), min(loss.Items, p.told.items)}
	p.told = told{p.told.records - again.records, p.told.items - again.items}
	loss.Records, loss.Items = loss.Records-again.records, loss.Items-again.items
	if loss.Records > 0 || loss.Items > 0 {
		c.log.lost = append(c.log.lost, loss)
	}
	p.read = to
	c.log.note(c.save())
}

// reader is the file that a lane of a cursor is read from.
type reader struct {
	mu       sync.Mutex
	segment  *segment
	file     file
	scan     scanner
	failures int
}

// read returns the next record if there is one.
func (c *Cursor) read(lane uint8, p *progress) (Record, bool, error) {
	r := &p.reader
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		g, size, last, err := c.ahead(lane)
		if g == nil {
			return Record{}, false, err
		}
		h, payload, err := r.next(c.log.dir, g, size, last)
		switch {
		case err == nil:
			r.failures = 0
			if c.take(p, g, h, r.scan.off) {
				return Record{h.before.seq + 1, time.Unix(0, h.time), h.items, h.lane, h.flags, payload}, true, nil
			}
		case errors.Is(err, io.EOF):
			c.give(lane, last, Corrupt)
			r.scan.off, r.scan.seen, r.scan.lost = size, last, false
		case c.over(g): // deleted, or the log closed, while it was being read
		default:
			if r.failures++; r.failures < maxFailures {
				return Record{}, false, fmt.Errorf("spool %s: read: %w", c.log.opt.Dir, err)
			}
			r.failures = 0
			c.give(lane, last, Unreadable)
			r.scan.off, r.scan.seen, r.scan.lost = size, last, false
		}
	}
}

// ahead returns the segment of the next record and how far it goes.
func (c *Cursor) ahead(lane uint8) (g *segment, size int64, last position, err error) {
	l := c.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, 0, position{}, ErrClosed
	}
	if g = l.lanes[lane].holding(c.lanes[lane].read.seq); g == nil {
		return nil, 0, position{}, nil
	}
	return g, g.size, g.last, nil
}

func (c *Cursor) over(g *segment) bool {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	return g.gone || c.log.closed
}

// next reads from the segment, which it opens first if it is another one.
func (r *reader) next(dir *directory, g *segment, size int64, last position) (header, []byte, error) {
	if r.segment != g {
		r.close()
		f, err := dir.open(g.name, os.O_RDONLY)
		if err != nil {
			return header{}, nil, err
		}
		r.segment, r.file = g, f
		r.scan = scanner{from: f, mark: g.mark, lane: g.lane, seen: g.first, buf: r.scan.buf[:0]}
	}
	r.scan.size = size
	return r.scan.next(last)
}

func (r *reader) close() {
	if r.file != nil {
		r.file.Close()
		r.file, r.segment = nil, nil
	}
}

// take hands a record out unless the cursor is past it already.
func (c *Cursor) take(p *progress, g *segment, h header, end int64) bool {
	c.log.mu.Lock()
	defer c.log.unlock()
	if h.before.seq < p.read.seq {
		return false
	}
	c.skip(h.lane, h.before, Corrupt)
	p.read = h.after()
	p.from, p.off = g, end
	of := held{h.before, h.items, headerSize + int64(h.size), time.Unix(0, h.time)}
	p.held = append(p.held, of)
	p.heldItems += uint64(of.items)
	p.heldBytes += of.bytes
	return true
}

// give up what is left of a segment.
func (c *Cursor) give(lane uint8, last position, reason Reason) {
	c.log.mu.Lock()
	defer c.log.unlock()
	c.skip(lane, last, reason)
}

func (c *Cursor) close() error {
	for i := range c.lanes {
		r := &c.lanes[i].reader
		r.mu.Lock()
		r.close()
		r.mu.Unlock()
	}
	return c.file.Close()
}
