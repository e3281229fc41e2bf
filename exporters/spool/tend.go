package spool

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// run syncs, expires and deletes, off the lock where the disk may be slow.
func (l *Log) run() {
	interval := l.opt.Sync
	if interval <= 0 {
		interval = defaultInterval
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-l.tend:
		case <-l.done:
			return
		}
		if err := l.flush(); err != nil {
			l.mu.Lock()
			l.note(err)
			l.mu.Unlock()
		}
		l.measure()
		l.tidy(time.Now())
	}
}

// wakeTending makes the goroutine run now.
func (l *Log) wakeTending() {
	select {
	case l.tend <- struct{}{}:
	default:
	}
}

// flush syncs what was written since the last time.
func (l *Log) flush() error {
	if l.opt.Sync == SyncNever {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, c := range l.cursors {
			c.settle(c.positions())
		}
		return nil
	}
	l.mu.Lock()
	named := l.named
	l.named = false
	segments := l.retired
	l.retired = nil
	for i := range l.lanes {
		if g := l.lanes[i].active; g != nil && g.dirty {
			segments = append(segments, g)
		}
	}
	files := make([]file, len(segments))
	for i, g := range segments {
		files[i], g.dirty = g.file, false
	}
	var cursors []*Cursor
	var acked [][Lanes]position
	for _, c := range l.cursors {
		if c.dirty {
			c.dirty = false
			cursors, acked = append(cursors, c), append(acked, c.positions())
		}
	}
	l.mu.Unlock()

	var faults []error
	if named {
		faults = append(faults, l.dir.sync())
	}
	for i, g := range segments {
		if files[i] != nil {
			faults = append(faults, l.synced(g, files[i].Sync()))
		}
	}
	for i, c := range cursors {
		err := c.file.Sync()
		faults = append(faults, err)
		if err == nil {
			l.mu.Lock()
			c.settle(acked[i])
			l.mu.Unlock()
		}
	}
	return errors.Join(faults...)
}

// synced ends a segment that is complete, and one whose sync failed: what is
// on the disk is unknown from then on, though the next sync would succeed.
func (l *Log) synced(g *segment, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := &l.lanes[g.lane]
	if g.gone || errors.Is(err, os.ErrClosed) {
		return nil // deleted meanwhile
	}
	if err != nil && n.active == g {
		n.active = nil
	}
	if n.active != g {
		l.shut(g)
	}
	if err != nil {
		return fmt.Errorf("sync %s: %w", g.name, err)
	}
	return nil
}

// measure sets how many bytes there may be.
func (l *Log) measure() {
	free, total, known := diskSpace(l.dir.path)
	leave := l.opt.MinFree
	if leave == 0 {
		leave = total / minFreeShare
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.budget = l.opt.MaxBytes
	if known && leave > 0 {
		l.budget = min(l.budget, l.bytes+free-leave)
	}
}

// tidy deletes what is too old or has been acknowledged.
func (l *Log) tidy(now time.Time) {
	l.mu.Lock()
	defer l.unlock()
	for i := range l.lanes {
		n := &l.lanes[i]
		for len(n.segments) > 0 && now.Sub(n.segments[0].newest) > l.opt.MaxAge {
			l.drop(n, Expired)
		}
		for len(n.segments) > 0 && n.segments[0] != n.active && now.Sub(n.segments[0].newest) >= l.opt.Retain &&
			l.acknowledged(n.segments[0], (*progress).settled) {
			l.drop(n, Abandoned) // no loss of those who hold it
		}
	}
	if now.Sub(l.opened) < grace {
		return
	}
	for name, c := range l.cursors {
		if c.open || now.Sub(c.used) <= l.opt.MaxAge {
			continue
		}
		for i := range l.lanes {
			c.skip(uint8(i), l.lanes[i].last, Abandoned)
		}
		delete(l.cursors, name)
		l.note(c.file.Close())
		if err := l.dir.root.Remove(nameCursor(name)); !errors.Is(err, os.ErrNotExist) {
			l.note(err)
		}
	}
}

// acknowledged reports whether everybody who may want a segment has it. A
// cursor that nobody has opened is waited for, but not for ever.
func (l *Log) acknowledged(g *segment, until func(*progress) position) bool {
	waiting := time.Since(l.opened) < grace
	holders := 0
	for _, c := range l.cursors {
		if !c.open && !waiting {
			continue
		}
		holders++
		if until(&c.lanes[g.lane]).seq < g.last.seq {
			return false
		}
	}
	return holders > 0
}
