package spool

import (
	"fmt"
	"math/rand/v2"
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

type follower struct {
	acked    uint64
	base     uint64 // acknowledged when this process began
	returned uint64 // by Next in this process
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
	m.losses.losses = nil
	for name, f := range m.cursors {
		c := cursor(m.t, m.log, name)
		for i := range f {
			abandoned, _ := m.losses.of(name, uint8(i)) // evicted by the process before, with a record in flight
			f[i].base, f[i].returned = c.lanes[i].read.seq-abandoned, 0
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
		f[i].base = c.lanes[i].read.seq
		f[i].acked = f[i].base
	}
	m.cursors[name] = f
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
			f[lane].returned++
			items := m.items[lane][r.Seq-1]
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
			held := uint64(len(c.lanes[lane].held))
			lost, _ := m.losses.of(name, uint8(lane))
			p := c.Pending(uint8(lane))
			at := c.lanes[lane].read
			if at.items != sum(m.items[lane][:at.seq]) {
				m.t.Fatalf("%s: %d items up to record %d, want %d", name, at.items, at.seq, sum(m.items[lane][:at.seq]))
			}
			want := uint64(len(m.items[lane])) - at.seq + held
			if p.Records != want {
				m.t.Fatalf("%s: %d records pending, want %d", name, p.Records, want)
			}
			if all := f[lane].base + f[lane].returned - held + p.Records + lost; all != uint64(len(m.items[lane])) {
				m.t.Fatalf("%s: %d before + %d read + %d pending + %d lost of %d", name, f[lane].base, f[lane].returned-held, p.Records, lost, len(m.items[lane]))
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
