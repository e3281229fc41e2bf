package spool

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// conserved checks that what was appended is read, pending or lost.
func conserved(t *testing.T, c *Cursor, lane uint8, losses *ledger, read, items uint64) {
	t.Helper()
	p := c.Pending(lane)
	lost, lostItems := losses.of(c.name, lane)
	last := c.log.lanes[lane].last
	if read+p.Records+lost != last.seq || items+p.Items+lostItems != last.items {
		t.Errorf("lane %d: %d read + %d pending + %d lost of %d records, %d + %d + %d of %d items",
			lane, read, p.Records, lost, last.seq, items, p.Items, lostItems, last.items)
	}
}

func TestFloodEvictsItselfAlone(t *testing.T) {
	var losses ledger
	l := start(t, Options{Dir: place(t), MaxBytes: 128 << 10, Lost: losses.lost})
	c := cursor(t, l, "a")
	for i := range 20 {
		add(t, l, 0, 3, text(i)) // a trickle of spans
	}
	for range 1000 {
		add(t, l, 2, 10, strings.Repeat("x", 1000)) // a flood of logs
		if s := l.Stats(); s.Bytes > 128<<10 {
			t.Fatalf("%d bytes on disk", s.Bytes)
		}
	}
	if records, _ := losses.of("a", 0); records != 0 {
		t.Errorf("the flood evicted %d spans", records)
	}
	if records, items := losses.of("a", 2, Evicted); records < 800 || items != 10*records {
		t.Errorf("evicted %d records with %d items", records, items)
	}
	conserved(t, c, 2, &losses, 0, 0)
	got, items := drain(t, c, 2)
	conserved(t, c, 2, &losses, uint64(len(got)), items)
	spans, _ := drain(t, c, 0)
	if len(spans) != 20 {
		t.Errorf("%d spans", len(spans))
	}
}

func TestEvictionUnderAReader(t *testing.T) {
	var losses ledger
	l := start(t, Options{Dir: place(t), MaxBytes: 64 << 10, Lost: losses.lost})
	c := cursor(t, l, "a")
	var read, items uint64
	for i := range 2000 {
		add(t, l, 1, uint32(i%7), strings.Repeat("x", 300))
		if i%3 == 0 {
			r, ok := ready(t, c, 1)
			if !ok {
				t.Fatal("nothing to read")
			}
			conserved(t, c, 1, &losses, read, items)
			read, items = read+1, items+uint64(r.Items)
			if err := c.Ack(1, r.Seq); err != nil {
				t.Fatal(err)
			}
			conserved(t, c, 1, &losses, read, items)
		}
	}
}

// No loss is told again when the process ends, though the cursor begins again
// before it.
func TestLossIsToldOnceAcrossProcesses(t *testing.T) {
	for _, evict := range []bool{false, true} {
		t.Run(fmt.Sprint(evict), func(t *testing.T) {
			var losses ledger
			o := Options{Dir: place(t), MaxBytes: 64 << 10, Lost: losses.lost}
			l := start(t, o)
			c := cursor(t, l, "a")
			for i := range 4 {
				add(t, l, 1, uint32(i+1), text(i))
			}
			rewrite(t, segments(t, o.Dir)[0], func(b []byte) []byte { b[offset(2)-1]++; return b })
			for range 2 { // the first is not acknowledged, the second is damaged
				ready(t, c, 1)
			}
			if records, items := losses.of("a", 1, Corrupt); records != 1 || items != 2 {
				t.Fatalf("%d records with %d items corrupt", records, items)
			}
			if evict {
				for range 100 {
					add(t, l, 1, 7, strings.Repeat("x", 1000))
				}
			}
			conserved(t, c, 1, &losses, 0, 0)
			for range 3 {
				ready(t, c, 1)
				kill(l)
				l = start(t, o)
				c = cursor(t, l, "a")
				conserved(t, c, 1, &losses, 0, 0)
			}
			got, items := drain(t, c, 1)
			conserved(t, c, 1, &losses, uint64(len(got)), items)
			if records, items := losses.of("a", 1, Corrupt); records != 1 || items != 2 {
				t.Errorf("%d records with %d items corrupt", records, items)
			}
		})
	}
}

// What is acknowledged and kept for others goes before what somebody wants.
func TestRetainedGoesFirst(t *testing.T) {
	var losses ledger
	l := start(t, Options{Dir: place(t), MaxBytes: 64 << 10, Retain: time.Hour, Lost: losses.lost})
	c := cursor(t, l, "a")
	for range 20 {
		add(t, l, 0, 1, strings.Repeat("x", 1000))
	}
	drain(t, c, 0)
	for range 50 {
		add(t, l, 1, 1, strings.Repeat("x", 1000))
	}
	if len(losses.losses) != 0 {
		t.Errorf("lost %+v", losses.losses)
	}
}

func TestRecordsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var losses ledger
		l := start(t, Options{Dir: place(t), MaxAge: time.Hour, Lost: losses.lost})
		c := cursor(t, l, "a")
		for range 10 {
			add(t, l, 1, 2, "old")
		}
		time.Sleep(59 * time.Minute) //nolint:forbidigo // in a bubble
		add(t, l, 1, 2, "young")
		time.Sleep(2 * time.Minute) //nolint:forbidigo // in a bubble
		synctest.Wait()
		if records, items := losses.of("a", 1, Expired); records != 10 || items != 20 {
			t.Errorf("%d records with %d items expired", records, items)
		}
		if got, _ := drain(t, c, 1); len(got) != 1 {
			t.Errorf("read %q", got)
		}
		time.Sleep(2 * time.Hour) //nolint:forbidigo // in a bubble
		synctest.Wait()
		if n := len(segments(t, l.opt.Dir)); n != 0 {
			t.Errorf("%d segments for ever", n)
		}
		conserved(t, c, 1, &losses, 1, 2)
		l.Close()
	})
}

func TestAgesAcrossProcesses(t *testing.T) {
	for name, test := range map[string]struct {
		age  time.Duration
		left int
	}{
		"younger":               {23 * time.Hour, 1},
		"older":                 {25 * time.Hour, 0},
		"from the future":       {-1000 * time.Hour, 1}, // the clock was set back
		"from before the epoch": {1 << 62, 0},
	} {
		t.Run(name, func(t *testing.T) {
			dir := place(t)
			l := start(t, Options{Dir: dir})
			cursor(t, l, "a")
			add(t, l, 1, 1, "x")
			l.Close()
			at := time.Now().Add(-test.age)
			if err := os.Chtimes(segments(t, dir)[0], at, at); err != nil {
				t.Fatal(err)
			}
			var losses ledger
			l = start(t, Options{Dir: dir, Lost: losses.lost})
			c := cursor(t, l, "a")
			l.tidy(time.Now())
			got, items := drain(t, c, 1)
			if len(got) != test.left {
				t.Errorf("%d records left, want %d", len(got), test.left)
			}
			conserved(t, c, 1, &losses, uint64(len(got)), items)
		})
	}
}

// Only the monotonic clock counts while a process runs.
func TestAgesWithinAProcess(t *testing.T) {
	now := time.Now()
	for _, then := range []time.Time{{}, time.Unix(0, 0), now.Add(time.Hour), now} {
		if age := now.Sub(ago(now, then)); age < 0 || then.After(now) && age != 0 {
			t.Errorf("%v: age %v", then, age)
		}
	}
}

func TestTooLarge(t *testing.T) {
	l := start(t, Options{Dir: place(t), MaxBytes: 64 << 10})
	for _, size := range []int{64 << 10, MaxRecord + 1} {
		if _, err := l.Append(Record{Payload: make([]byte, size)}); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	if _, err := l.Append(Record{Lane: Lanes}); err == nil {
		t.Error("there is a lane too many")
	}
	c := cursor(t, l, "a")
	if _, err := c.Next(t.Context(), Lanes); err == nil {
		t.Error("there is a lane too many")
	}
	if err := c.Ack(Lanes, 1); err == nil {
		t.Error("there is a lane too many")
	}
	c.Pending(Lanes)
	add(t, l, 0, 1, "") // empty is fine
	if got, _ := drain(t, c, 0); len(got) != 1 || got[0] != "" {
		t.Errorf("read %q", got)
	}
}

func TestLargeRecords(t *testing.T) {
	l := start(t, Options{Dir: place(t), SegmentBytes: 1 << 20})
	c := cursor(t, l, "a")
	var want []string
	for _, size := range []int{small, small + 1, 3 << 20, chunk, 1, 2 << 20, 2} {
		want = append(want, strings.Repeat(string(rune('a'+len(want))), size))
		add(t, l, 0, 1, want[len(want)-1])
	}
	got, _ := drain(t, c, 0)
	if len(got) != len(want) {
		t.Fatalf("%d records", len(got))
	}
	if n := cap(c.lanes[0].reader.scan.buf); n > chunk {
		t.Errorf("%d bytes are kept after a large record", n)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("record %d differs", i)
		}
	}
}

func TestMinFree(t *testing.T) {
	var losses ledger
	l := start(t, Options{Dir: place(t), MinFree: 1 << 60, Sync: time.Hour, Lost: losses.lost})
	if _, _, known := diskSpace(l.opt.Dir); !known {
		t.Skip("free space is unknown here")
	}
	if _, err := l.Append(Record{Payload: []byte("x")}); !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "MinFree") {
		t.Errorf("%v", err)
	}
	l.opt.MinFree = -1
	l.measure()
	c := cursor(t, l, "a")
	add(t, l, 1, 4, "x")
	l.opt.MinFree = 1 << 60 // others filled the disk
	l.measure()
	if _, err := l.Append(Record{Payload: []byte("x")}); !errors.Is(err, ErrFull) {
		t.Errorf("%v", err)
	}
	conserved(t, c, 1, &losses, 0, 0)
}

func TestManySmallSegments(t *testing.T) {
	l := start(t, Options{Dir: inMemory(t), Sync: SyncNever, SegmentBytes: 1})
	for range maxSegments + 10 {
		add(t, l, 1, 1, "x")
	}
	if n := len(segments(t, l.opt.Dir)); n != maxSegments {
		t.Errorf("%d segments", n)
	}
}

func TestWrongOptions(t *testing.T) {
	_, err := Open(Options{MaxBytes: 1, MaxAge: -1, Retain: -1, SegmentBytes: -1, Sync: -3})
	for _, word := range []string{"set Dir", "MaxBytes", "MaxAge", "Retain", "SegmentBytes", "SyncNever"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not name %s", err, word)
		}
	}
}
