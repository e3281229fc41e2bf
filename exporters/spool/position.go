package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"
)

const (
	cursorMagic = "\xf5OTC"
	cursorSize  = 4 + 8 + Lanes*32 + 4
	slotSize    = 512 // a sector: what a power failure tears is one of the two
)

// checkName keeps the name of the file below what file systems take.
func checkName(name string) error {
	if file := nameCursor(name); name == "" || len(file) > 200 {
		return fmt.Errorf("spool: cursor name %.100q is empty or too long", name)
	}
	return nil
}

func nameCursor(name string) string { return "cursor-" + url.QueryEscape(name) }

func parseCursor(file string) (name string, ok bool) {
	escaped, ok := strings.CutPrefix(file, "cursor-")
	if !ok {
		return "", false
	}
	name, err := url.QueryUnescape(escaped)
	return name, err == nil && checkName(name) == nil && nameCursor(name) == file
}

// save writes the positions beside those that were saved before, which hold
// until the new ones are whole.
func (c *Cursor) save() error {
	c.saves++
	c.dirty = true
	b := &c.buf // on the stack, it would be allocated for each call
	copy(b[:], cursorMagic)
	binary.LittleEndian.PutUint64(b[4:], c.saves)
	for i := range c.lanes {
		at, behind := c.lanes[i].acked(), c.lanes[i].behind()
		for k, v := range [...]uint64{at.seq, at.items, behind.records, behind.items} {
			binary.LittleEndian.PutUint64(b[12+32*i+8*k:], v)
		}
	}
	binary.LittleEndian.PutUint32(b[cursorSize-4:], checksum(b[:cursorSize-4]))
	if _, err := c.file.WriteAt(b[:], int64(c.saves%2)*slotSize); err != nil {
		return fmt.Errorf("save cursor %q: %w", c.name, err)
	}
	return nil
}

// load reads the cursor of an earlier process. Without a whole slot it has all
// positions at 0, and place moves them to the oldest record: twice is better
// than never.
func (l *Log) load(name string, used time.Time) error {
	f, err := l.dir.open(nameCursor(name), os.O_RDWR)
	if err != nil {
		return fmt.Errorf("open cursor %q: %w", name, err)
	}
	c := &Cursor{log: l, name: name, file: f, used: used}
	l.cursors[name] = c
	for slot := range int64(2) {
		var b [cursorSize]byte
		_, err := f.ReadAt(b[:], slot*slotSize)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read cursor %q: %w", name, err)
		}
		saves := binary.LittleEndian.Uint64(b[4:])
		if string(b[:4]) != cursorMagic || checksum(b[:cursorSize-4]) != binary.LittleEndian.Uint32(b[cursorSize-4:]) || saves < c.saves {
			continue
		}
		c.saves = saves
		for i := range c.lanes {
			var v [4]uint64
			for k := range v {
				v[k] = binary.LittleEndian.Uint64(b[12+32*i+8*k:])
			}
			if max(v[0], v[1], v[2], v[3]) < maxCount {
				c.lanes[i].read, c.lanes[i].told = position{v[0], v[1]}, told{v[2], v[3]}
			}
		}
	}
	return nil
}

// place brings lanes and cursors together: numbers go on behind whatever is
// known of, and a cursor without a position begins at the oldest record.
func (l *Log) place() {
	for i := range l.lanes {
		n := &l.lanes[i]
		for _, c := range l.cursors {
			if at := c.lanes[i].read; at.seq > n.last.seq {
				n.last = position{at.seq, max(at.items, n.last.items)}
			}
		}
		if k := len(n.segments); k > 0 {
			n.segments[k-1].last = n.last // a power failure took its end
		}
		for _, c := range l.cursors {
			p := &c.lanes[i]
			if c.saves == 0 {
				p.read = n.oldest()
			}
			p.saved = p.read
		}
	}
}

func (c *Cursor) positions() (at [Lanes]position) {
	for i := range c.lanes {
		at[i] = c.lanes[i].acked()
	}
	return at
}

func (c *Cursor) settle(at [Lanes]position) {
	for i := range c.lanes {
		c.lanes[i].saved = at[i]
	}
}
