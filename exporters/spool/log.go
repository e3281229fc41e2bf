package spool

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// Log is a directory of records. It is safe for concurrent use and ends with
// Close.
type Log struct {
	opt    Options
	dir    *directory
	opened time.Time
	done   chan struct{} // closed by Close
	tend   chan struct{} // something to do for the goroutine
	work   sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	lanes   [Lanes]lane
	cursors map[string]*Cursor // those of earlier processes too
	bytes   int64
	budget  int64      // how many bytes there may be
	lost    []Loss     // to be told after unlocking
	retired []*segment // complete, to be synced
	named   bool       // files were created since the directory was synced
	fault   error
	buf     []byte

	showing sync.Mutex // of what is shown; never held while the disk is waited for
	shown   Stats
}

// Open opens or creates the log in a directory and locks the latter: it fails
// with [ErrLocked] while another log has it. [MayPass] tells what is worth another
// try. It never appends to files of an
// earlier process, and damage in them is no error but a [Loss].
func Open(o Options) (*Log, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	dir, err := openDirectory(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("spool %s: %w", o.Dir, err)
	}
	if o.Wrap != nil {
		dir.open = o.Wrap(dir.open)
	}
	return open(o, dir)
}

func open(o Options, dir *directory) (*Log, error) {
	l := &Log{
		opt: o, dir: dir, opened: time.Now(),
		done: make(chan struct{}), tend: make(chan struct{}, 1),
		cursors: make(map[string]*Cursor),
	}
	if err := l.recover(l.opened); err != nil {
		for _, c := range l.cursors {
			c.file.Close()
		}
		return nil, errors.Join(fmt.Errorf("spool %s: %w", o.Dir, err), dir.close())
	}
	l.show()
	l.measure()
	l.work.Go(l.run)
	return l, nil
}

// Append adds a record to its lane and returns its number. It has been written
// to the file by then and survives the end of the process; when it survives a
// power failure, [Options.Sync] says. The payload is not kept. An error means
// that the log is as it was before: [ErrFull], [ErrTooLarge], [ErrClosed], or
// what the disk says; a later Append may succeed.
func (l *Log) Append(r Record) (uint64, error) {
	if r.Lane >= Lanes {
		return 0, fmt.Errorf("spool: lane %d is not below %d", r.Lane, Lanes)
	}
	need := headerSize + int64(len(r.Payload))
	if need > min(maxFile, l.opt.MaxBytes) {
		return 0, fmt.Errorf("%w: %d bytes", ErrTooLarge, len(r.Payload))
	}
	sum := checksum(r.Payload)

	l.mu.Lock()
	defer l.unlock()
	if l.closed {
		return 0, ErrClosed
	}
	now := time.Now()
	n := &l.lanes[r.Lane]
	if err := l.room(need); err != nil {
		return 0, err
	}
	g, err := l.writable(n, r.Lane, need, now)
	if err != nil {
		return 0, fmt.Errorf("spool %s: %w", l.opt.Dir, err)
	}
	h := header{before: n.last, time: now.UnixNano(), items: r.Items, size: uint32(len(r.Payload)), sum: sum, lane: r.Lane, flags: r.Flags}
	if err := l.put(n, g, h, r.Payload); err != nil {
		return 0, fmt.Errorf("spool %s: append: %w", l.opt.Dir, err)
	}
	g.newest = now
	for _, c := range l.cursors {
		c.lanes[r.Lane].notify()
	}
	return n.last.seq, nil
}

// put writes a record and syncs it if need be.
func (l *Log) put(n *lane, g *segment, h header, payload []byte) error {
	l.buf = h.encode(g.mark, l.buf[:0])
	if len(payload) <= small {
		l.buf, payload = append(l.buf, payload...), nil
	}
	whole, err := g.write(l.buf, payload)
	if err == nil && l.opt.Sync == SyncAlways {
		// After a failed sync nobody knows what is on the disk, and the next
		// one would succeed nonetheless.
		if err = l.syncNow(g); err != nil {
			whole = false
			_ = g.file.Truncate(g.size)
		}
	}
	if err != nil {
		if !whole || g.size == 0 {
			l.retire(n)
		}
		return err
	}
	n.last = h.after()
	g.last = n.last
	g.dirty = l.opt.Sync > 0
	size := headerSize + int64(h.size)
	g.size += size
	n.bytes += size
	l.bytes += size
	return nil
}

func (l *Log) syncNow(g *segment) error {
	if l.named {
		if err := l.dir.sync(); err != nil {
			return err
		}
		l.named = false
	}
	return g.file.Sync()
}

// room makes place by deleting what is oldest: first what everybody has, then
// of the lane that takes most.
func (l *Log) room(need int64) error {
	for l.bytes+need > l.budget {
		var most *lane
		for i := range l.lanes {
			n := &l.lanes[i]
			if len(n.segments) == 0 {
				continue
			}
			if l.acknowledged(n.segments[0], (*progress).acked) {
				most = n
				break
			}
			if most == nil || n.bytes > most.bytes {
				most = n
			}
		}
		if most == nil {
			return fmt.Errorf("spool %s: %w: less than MinFree is free", l.opt.Dir, ErrFull)
		}
		l.drop(most, Evicted)
	}
	return nil
}

// unlock shows how the log stands now and tells the losses, for which the lock
// must not be held.
func (l *Log) unlock() {
	l.show()
	lost := l.lost
	l.lost = nil
	l.mu.Unlock()
	for _, loss := range lost {
		l.opt.Lost(loss)
	}
}

// note keeps a fault that no caller can be told of.
func (l *Log) note(err error) {
	if err != nil {
		l.fault = err
	}
}

// Close syncs, unlocks the directory and ends what is waiting with
// [ErrClosed]. What was not acknowledged is there at the next Open. Closing
// again does nothing.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	close(l.done)
	var faults []error
	for _, c := range l.cursors {
		if c.open {
			faults = append(faults, c.save()) // to be younger than MaxAge
		}
	}
	l.mu.Unlock()
	l.work.Wait()
	faults = append(faults, l.flush())
	for _, c := range l.cursors {
		faults = append(faults, c.close())
	}
	for i := range l.lanes {
		if n := &l.lanes[i]; n.active != nil {
			faults = append(faults, n.active.file.Close())
		}
	}
	if err := errors.Join(append(faults, l.dir.close())...); err != nil {
		return fmt.Errorf("close spool %s: %w", l.opt.Dir, err)
	}
	return nil
}

// Backlog is an amount of records.
type Backlog struct {
	Records uint64
	Items   uint64
	Bytes   int64
	Oldest  time.Time // when the oldest was appended, or a little earlier; zero if there is none
}

// Stats is the state of a log.
type Stats struct {
	Bytes int64          // that all records take
	Lanes [Lanes]Backlog // what is kept, acknowledged or not
	Fault error          // the newest of the disk that no call could return; nil if there was none
}

// Stats returns the state, or while a call waits for the disk the one before it.
// It never waits for the disk, and costs little enough for each collection of
// metrics.
func (l *Log) Stats() Stats {
	l.showing.Lock()
	defer l.showing.Unlock()
	return l.shown
}

// show must be called with mu held, or before anybody else knows the log.
func (l *Log) show() {
	s := Stats{Bytes: l.bytes, Fault: l.fault}
	for i := range l.lanes {
		n := &l.lanes[i]
		if len(n.segments) == 0 {
			continue
		}
		from := n.oldest()
		s.Lanes[i] = Backlog{n.last.seq - from.seq, n.last.items - min(from.items, n.last.items), n.bytes, n.segments[0].born}
	}
	l.showing.Lock()
	defer l.showing.Unlock()
	l.shown = s
	for _, c := range l.cursors {
		for i := range c.lanes {
			c.shown[i] = c.lanes[i].pending(&l.lanes[i])
		}
	}
}
