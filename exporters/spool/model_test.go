package spool

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// model is what a log must do, as plain arithmetic: for each cursor and lane,
// what was appended since it began is read, lost or pending.
type model struct {
	t       *testing.T
	rand    *rand.Rand
	dir     string
	log     *Log
	losses  ledger
	items   [2][]uint32 // of each record appended, by lane
	cursors map[string]*[2]follower
}

// follower is a cursor in a lane. What was before it began is done.
type follower struct {
	records, items uint64 // done
	acked          uint64
	held           []uint32 // items of what was returned since
}

func TestModel(t *testing.T) {
	for seed := range uint64(120) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := &model{t: t, rand: rand.New(rand.NewPCG(seed, 1)), dir: inMemory(t), cursors: make(map[string]*[2]follower)}
			m.open()
			for range 200 {
				m.step()
				if t.Failed() {
					return
				}
			}
			kill(m.log)
		})
	}
}

func (m *model) open() {
	m.log = start(m.t, Options{Dir: m.dir, MaxBytes: 64 << 10, SegmentBytes: 4 << 10, Sync: time.Hour, Lost: m.losses.lost})
	for name, f := range m.cursors {
		cursor(m.t, m.log, name)
		for i := range f {
			f[i].held = nil
		}
	}
}

func (m *model) step() {
	switch action := m.rand.IntN(100); {
	case action < 60:
		m.append()
	case action < 85:
		m.read()
	case action < 90:
		m.reopen()
	case action < 94:
		tend(m.t, m.log, time.Now())
	case action < 96:
		if len(m.cursors) < 3 {
			m.join()
		}
	case action < 98:
		m.damage()
	default:
		m.check()
	}
}

func (m *model) append() {
	lane, items := m.rand.IntN(2), m.rand.Uint32N(10)
	add(m.t, m.log, uint8(lane), items, strings.Repeat(string(rune('a'+items)), m.rand.IntN(3000)))
	m.items[lane] = append(m.items[lane], items)
}

func (m *model) join() {
	name := fmt.Sprint("cursor ", len(m.cursors))
	c := cursor(m.t, m.log, name)
	f := new([2]follower)
	for i := range f {
		at := c.lanes[i].read
		f[i] = follower{records: at.seq, items: at.items, acked: at.seq}
	}
	m.cursors[name] = f
}

// damage overwrites anything but the last segment of a lane, whose end the name
// of the next one tells.
func (m *model) damage() {
	m.log.mu.Lock() // or the segment is deleted meanwhile
	defer m.log.mu.Unlock()
	n := &m.log.lanes[m.rand.IntN(2)]
	if len(n.segments) < 2 {
		return
	}
	g := n.segments[m.rand.IntN(len(n.segments)-1)]
	from := m.rand.IntN(int(g.size))
	rewrite(m.t, filepath.Join(m.dir, g.name), func(b []byte) []byte {
		clear(b[from:min(len(b), from+m.rand.IntN(2000))])
		return b
	})
}

func (m *model) read() {
	for name, f := range m.cursors {
		lane := uint8(m.rand.IntN(2))
		c := m.log.cursors[name]
		for range m.rand.IntN(10) {
			r, ok := ready(m.t, c, lane)
			if !ok {
				break
			}
			items := m.items[lane][r.Seq-1]
			f[lane].held = append(f[lane].held, items)
			if r.Items != items || strings.Trim(string(r.Payload), string(rune('a'+items))) != "" {
				m.t.Fatalf("record %d of lane %d is another one", r.Seq, lane)
			}
			if r.Seq <= f[lane].acked {
				m.t.Fatalf("%s: record %d comes again", name, r.Seq)
			}
			if m.rand.IntN(4) > 0 {
				if err := c.Ack(lane, r.Seq); err != nil {
					m.t.Fatal(err)
				}
				f[lane].acked = r.Seq
				f[lane].records += uint64(len(f[lane].held))
				f[lane].items += sum(f[lane].held)
				f[lane].held = nil
			}
		}
	}
}

// reopen ends the process with or without Close. What was read and not
// acknowledged comes again.
func (m *model) reopen() {
	m.check()
	if m.rand.IntN(2) == 0 {
		kill(m.log)
	} else if err := m.log.Close(); err != nil {
		m.t.Error(err)
	}
	m.open()
	m.check()
}

// check compares the ends: everything behind the acknowledged is pending or was
// reported as lost, by records and by items.
func (m *model) check() {
	for name, f := range m.cursors {
		c := m.log.cursors[name]
		for lane := range m.items {
			lost, lostItems := m.losses.of(name, uint8(lane))
			p := c.Pending(uint8(lane))
			at := c.lanes[lane].read
			if at.items != sum(m.items[lane][:at.seq]) {
				m.t.Fatalf("%s: %d items up to record %d, want %d", name, at.items, at.seq, sum(m.items[lane][:at.seq]))
			}
			f := f[lane]
			if held := len(c.lanes[lane].held); held != len(f.held) {
				m.t.Fatalf("%s: %d records held, want %d", name, held, len(f.held))
			}
			if f.records+p.Records+lost != uint64(len(m.items[lane])) || f.items+p.Items+lostItems != sum(m.items[lane]) {
				m.t.Fatalf("%s: %d done + %d pending + %d lost of %d records, %d + %d + %d of %d items", name,
					f.records, p.Records, lost, len(m.items[lane]), f.items, p.Items, lostItems, sum(m.items[lane]))
			}
		}
	}
	for lane := range m.items {
		if last := m.log.lanes[lane].last; last.seq != uint64(len(m.items[lane])) || last.items != sum(m.items[lane]) {
			m.t.Fatalf("lane %d ends at %+v", lane, last)
		}
	}
	if s := m.log.Stats(); s.Bytes > 64<<10 || s.Fault != nil {
		m.t.Fatalf("%+v", s)
	}
}

func sum(items []uint32) (total uint64) {
	for _, n := range items {
		total += uint64(n)
	}
	return total
}
