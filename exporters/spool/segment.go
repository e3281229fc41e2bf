package spool

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
	"time"
)

// small is up to which payload a record is written at once, which costs a copy.
const small = 64 << 10

// segment is one file of a lane. Its name says what comes before it, so that
// damage to one file makes nothing uncertain in another.
type segment struct {
	name   string
	lane   uint8
	mark   uint64   // random; begins each record, so that no payload can hold one
	first  position // before its first record
	last   position // after its last record
	start  int64    // the bytes of the lane's segments before it
	size   int64
	born   time.Time // when the first record was appended
	newest time.Time // when the last one was
	file   file      // nil once nothing is to be written or synced any more
	dirty  bool      // something was written since the last sync
	gone   bool      // deleted
}

func nameSegment(lane uint8, first position, born int64, mark uint64) string {
	return fmt.Sprintf("%d-%016x-%016x-%016x-%016x.seg", lane, first.seq, first.items, uint64(born), mark)
}

// parseSegment reads a name; ok is false if the file is somebody else's.
func parseSegment(name string) (g *segment, born int64, ok bool) {
	g = &segment{name: name}
	var nanos uint64
	_, err := fmt.Sscanf(name, "%d-%x-%x-%x-%x.seg", &g.lane, &g.first.seq, &g.first.items, &nanos, &g.mark)
	ok = err == nil && g.lane < Lanes && g.first.seq < maxCount && g.first.items < maxCount &&
		nameSegment(g.lane, g.first, int64(nanos), g.mark) == name
	return g, int64(nanos), ok
}

// write appends a record, or leaves the file as it was. The segment is not to
// be trusted any more if whole is false.
func (g *segment) write(record, payload []byte) (whole bool, err error) {
	_, err = g.file.WriteAt(record, g.size)
	if err == nil && len(payload) > 0 {
		_, err = g.file.WriteAt(payload, g.size+int64(len(record)))
	}
	if err == nil {
		return true, nil
	}
	return g.file.Truncate(g.size) == nil && isFull(err), full(err)
}

// full adds [ErrFull] to what the operating system calls it.
func full(err error) error {
	if isFull(err) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}

func (g *segment) end() int64 { return g.start + g.size }

// lane is a chain of segments.
type lane struct {
	segments []*segment
	last     position
	active   *segment // the last segment, while it is appended to
	bytes    int64
}

// oldest is where a cursor begins that wants all there is.
func (n *lane) oldest() position {
	if len(n.segments) == 0 {
		return n.last
	}
	return n.segments[0].first
}

// holding finds the segment with the record after the position.
func (n *lane) holding(seq uint64) *segment {
	i := sort.Search(len(n.segments), func(i int) bool { return n.segments[i].last.seq > seq })
	if i == len(n.segments) {
		return nil
	}
	return n.segments[i]
}

// recover reads what earlier processes left. Only the last segment of a lane
// is read whole, for the names of the others say what they hold.
func (l *Log) recover(now time.Time) error {
	infos, err := l.dir.files()
	if err != nil {
		return err
	}
	for _, info := range infos {
		if g, born, ok := parseSegment(info.Name()); ok {
			g.size = min(info.Size(), maxFile)
			g.born, g.newest = ago(now, time.Unix(0, born)), ago(now, info.ModTime())
			l.lanes[g.lane].segments = append(l.lanes[g.lane].segments, g)
		} else if name, ok := parseCursor(info.Name()); ok {
			if err := l.load(name, ago(now, info.ModTime())); err != nil {
				return err
			}
		}
	}
	for i := range l.lanes {
		if err := l.order(&l.lanes[i]); err != nil {
			return err
		}
	}
	l.place()
	return nil
}

// ago moves a time of the wall clock onto the monotonic one. What seems to come
// from the future is new.
func ago(now, then time.Time) time.Time {
	return now.Add(-max(0, now.Round(0).Sub(then)))
}

func (l *Log) order(n *lane) error {
	slices.SortFunc(n.segments, func(a, b *segment) int { return cmp.Compare(a.first.seq, b.first.seq) })
	var kept []*segment
	for _, g := range n.segments {
		if g.size < headerSize { // the process died before it wrote a record
			if err := l.dir.root.Remove(g.name); err != nil {
				return fmt.Errorf("delete empty segment: %w", err)
			}
			continue
		}
		if k := len(kept); k > 0 {
			before := kept[k-1]
			if g.first.seq == before.first.seq || g.first.items < before.first.items {
				continue // not written by a log
			}
			before.last = g.first
		}
		kept = append(kept, g)
	}
	n.segments = kept
	if len(kept) == 0 {
		return nil
	}
	g := kept[len(kept)-1]
	if err := l.measureSegment(g); err != nil {
		return err
	}
	n.last = g.last
	if g.last == g.first {
		n.segments = kept[:len(kept)-1]
		if err := l.dir.root.Remove(g.name); err != nil {
			return fmt.Errorf("delete segment without a record: %w", err)
		}
	}
	for _, g := range n.segments {
		g.start = n.bytes
		n.bytes += g.size
		l.bytes += g.size
	}
	return nil
}

// measureSegment finds the end of the last segment.
func (l *Log) measureSegment(g *segment) error {
	f, err := l.dir.open(g.name, os.O_RDONLY)
	if err != nil {
		return fmt.Errorf("open segment: %w", err)
	}
	defer f.Close()
	scan := scanner{from: f, mark: g.mark, lane: g.lane, size: g.size, seen: g.first}
	for err == nil {
		_, _, err = scan.next(position{maxCount, maxCount})
	}
	g.last = scan.seen
	// A record that was not written to its end was never appended. What cannot
	// be read at all was one at least, and zeros are what a power failure leaves.
	if !errors.Is(err, io.EOF) || scan.lost && scan.garbage {
		g.last.seq++
	}
	return nil
}

// writable returns the segment that a record goes to.
func (l *Log) writable(n *lane, index uint8, need int64, now time.Time) (*segment, error) {
	if g := n.active; g != nil {
		if g.size+need <= l.opt.SegmentBytes && now.Sub(g.born) <= l.opt.MaxAge/8 {
			return g, nil
		}
		l.retire(n)
	}
	if len(n.segments) >= maxSegments {
		l.drop(n, Evicted)
	}
	var random [markSize]byte
	_, _ = rand.Read(random[:]) // never fails
	mark := binary.LittleEndian.Uint64(random[:])
	g := &segment{name: nameSegment(index, n.last, now.UnixNano(), mark), mark: mark, lane: index, first: n.last, last: n.last, born: now}
	f, err := l.dir.open(g.name, os.O_CREATE|os.O_EXCL|os.O_RDWR)
	if err != nil {
		return nil, fmt.Errorf("create segment: %w", full(err))
	}
	g.file = f
	if k := len(n.segments); k > 0 {
		g.start = n.segments[k-1].end()
	}
	n.active = g
	n.segments = append(n.segments, g)
	l.named = true
	return g, nil
}

// retire ends a lane's active segment; the next record begins a new one.
func (l *Log) retire(n *lane) {
	g := n.active
	n.active = nil
	if g.size == 0 {
		n.segments = n.segments[:len(n.segments)-1]
		l.remove(g)
		return
	}
	if g.dirty && l.opt.Sync != SyncNever {
		l.retired = append(l.retired, g)
		l.wakeTending()
		return
	}
	l.shut(g)
}

// drop deletes the oldest segment of a lane and moves the cursors past it. One
// that is not open learns of it when it is opened or forgotten, so that its
// losses are told once, however often the process starts meanwhile.
func (l *Log) drop(n *lane, reason Reason) {
	g := n.segments[0]
	n.segments[0] = nil
	n.segments = n.segments[1:]
	n.bytes -= g.size
	l.bytes -= g.size
	if n.active == g {
		n.active = nil
	}
	l.remove(g)
	if len(l.cursors) == 0 {
		l.lost = append(l.lost, lossBetween(g.first, g.last, g.lane, reason))
	}
	for _, c := range l.cursors {
		if c.open {
			c.skip(g.lane, g.last, reason)
		}
	}
}

func (l *Log) remove(g *segment) {
	l.shut(g)
	g.gone = true
	if err := l.dir.root.Remove(g.name); !errors.Is(err, os.ErrNotExist) {
		l.note(err)
	}
}

func (l *Log) shut(g *segment) {
	if g.file != nil {
		l.note(g.file.Close())
		g.file = nil
	}
}

func lossBetween(from, to position, lane uint8, reason Reason) Loss {
	return Loss{Lane: lane, Reason: reason, Records: to.seq - from.seq, Items: to.items - min(from.items, to.items)}
}
