package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestEveryCursorReadsEverythingInOrder(t *testing.T) {
	l := start(t, Options{Dir: place(t), SegmentBytes: 200})
	a := cursor(t, l, "a")
	for i := range 20 {
		if seq := add(t, l, uint8(i%2), 1, text(i)); seq != uint64(i/2+1) {
			t.Fatalf("record %d of its lane has number %d", i/2+1, seq)
		}
	}
	b := cursor(t, l, "https://b.example:4318/x")
	newest, err := l.Cursor("newest", Newest)
	if err != nil {
		t.Fatal(err)
	}
	add(t, l, 0, 1, "last")
	for _, c := range []*Cursor{a, b} {
		even, _ := drain(t, c, 0)
		odd, _ := drain(t, c, 1)
		if len(even) != 11 || even[1] != text(2) || even[10] != "last" || len(odd) != 10 || odd[9] != text(19) {
			t.Errorf("%s read %q and %q", c.name, even, odd)
		}
	}
	if got, _ := drain(t, newest, 0); fmt.Sprint(got) != "[last]" {
		t.Errorf("newest read %q", got)
	}
}

func TestNextWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, Options{Dir: place(t)})
		c := cursor(t, l, "a")
		got := make(chan Record)
		go func() {
			r, err := c.Next(t.Context(), 3)
			if err != nil {
				t.Error(err)
			}
			got <- r
		}()
		synctest.Wait()
		add(t, l, 2, 1, "of another lane")
		synctest.Wait()
		select {
		case r := <-got:
			t.Fatalf("got %+v", r)
		default:
		}
		add(t, l, 3, 7, "awaited")
		if r := <-got; string(r.Payload) != "awaited" || r.Items != 7 || r.Seq != 1 || !r.Time.Equal(time.Now()) {
			t.Errorf("got %+v", r)
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, err := c.Next(ctx, 3); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after the deadline: %v", err)
		}
		ended := make(chan error)
		go func() { _, err := c.Next(t.Context(), 3); ended <- err }()
		synctest.Wait()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		for what, err := range map[string]error{"Ack": c.Ack(3, 1), "Append": second(l.Append(Record{})), "Cursor": second(l.Cursor("b", Oldest)), "Next": second(c.Next(t.Context(), 1))} {
			if !errors.Is(err, ErrClosed) {
				t.Errorf("%s after Close: %v", what, err)
			}
		}
		if err := l.Close(); err != nil {
			t.Errorf("closed again: %v", err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestAcknowledgedStaysSo(t *testing.T) {
	dir := place(t)
	l := start(t, Options{Dir: dir})
	c := cursor(t, l, "a")
	for i := range 10 {
		add(t, l, 1, 2, text(i))
	}
	for range 4 {
		ready(t, c, 1)
	}
	if err := c.Ack(1, 3); err != nil {
		t.Fatal(err)
	}
	if p := c.Pending(1); p.Records != 7 || p.Items != 14 || p.Bytes != 7*int64(headerSize+len(text(0))) || p.Oldest.IsZero() {
		t.Errorf("pending %+v", p)
	}
	if err := c.Ack(1, 2); err != nil {
		t.Errorf("acknowledged again: %v", err)
	}
	if err := c.Ack(1, 5); err == nil {
		t.Error("what was not read can be acknowledged")
	}
	kill(l)
	l = start(t, Options{Dir: dir})
	c = cursor(t, l, "a")
	if got, _ := drain(t, c, 1); len(got) != 7 || got[0] != text(3) {
		t.Errorf("after a restart: %q", got)
	}
}

// Numbers must not begin anew when all files are gone, or a cursor would take
// new records for old ones.
func TestNumbersGoOn(t *testing.T) {
	dir := place(t)
	for i := range 3 {
		l := start(t, Options{Dir: dir})
		c := cursor(t, l, "a")
		if seq := add(t, l, 0, 5, text(i)); seq != uint64(i+1) {
			t.Errorf("number %d, want %d", seq, i+1)
		}
		if got, _ := drain(t, c, 0); len(got) != 1 || got[0] != text(i) {
			t.Errorf("read %q", got)
		}
		l.Close()
		for _, name := range segments(t, dir) {
			os.Remove(name)
		}
	}
}

func TestWhatAllHaveIsDeleted(t *testing.T) {
	l := start(t, Options{Dir: place(t), Sync: SyncNever, SegmentBytes: 100})
	a, b := cursor(t, l, "a"), cursor(t, l, "b")
	for i := range 10 {
		add(t, l, 1, 1, text(i)+strings.Repeat("x", 60))
	}
	drain(t, a, 1)
	tend(t, l, time.Now())
	if n := len(segments(t, l.opt.Dir)); n != 10 {
		t.Errorf("%d segments left that one cursor wants", n)
	}
	for range 5 {
		r, _ := ready(t, b, 1)
		if err := b.Ack(1, r.Seq); err != nil {
			t.Fatal(err)
		}
	}
	tend(t, l, time.Now())
	if n := len(segments(t, l.opt.Dir)); n != 5 {
		t.Errorf("%d segments, want 5", n)
	}
	if s := l.Stats(); s.Lanes[1].Records != 5 || s.Lanes[1].Items != 5 || s.Bytes != s.Lanes[1].Bytes || s.Fault != nil {
		t.Errorf("%+v", s)
	}
}

func TestAcknowledgedIsDeletedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, Options{Dir: place(t), Sync: time.Hour, SegmentBytes: 100})
		a := cursor(t, l, "a")
		for range 5 {
			add(t, l, 1, 1, strings.Repeat("x", 60))
		}
		synctest.Wait()
		drain(t, a, 1)
		synctest.Wait()
		if n := len(segments(t, l.opt.Dir)); n != 1 {
			t.Errorf("%d segments, want the active one", n)
		}
		l.Close()
	})
}

func TestDeletedUnderAReader(t *testing.T) {
	var losses ledger
	l := start(t, Options{Dir: place(t), SegmentBytes: 100, Lost: losses.lost})
	c := cursor(t, l, "a")
	for range 3 {
		add(t, l, 1, 1, strings.Repeat("x", 60))
	}
	plain, first := l.dir.open, true
	l.dir.open = func(name string, flag int) (file, error) {
		if first {
			first = false
			l.mu.Lock()
			l.drop(&l.lanes[1], Evicted)
			l.unlock()
		}
		return plain(name, flag)
	}
	if r, ok := ready(t, c, 1); !ok || r.Seq != 2 {
		t.Errorf("record %d", r.Seq)
	}
	conserved(t, c, 1, &losses, 0, 0)
}

func TestRetained(t *testing.T) {
	l := start(t, Options{Dir: place(t), Sync: SyncNever, SegmentBytes: 100, Retain: time.Hour})
	a := cursor(t, l, "a")
	for i := range 10 {
		add(t, l, 1, 1, text(i)+strings.Repeat("x", 60))
	}
	drain(t, a, 1)
	tend(t, l, time.Now())
	if got, _ := drain(t, cursor(t, l, "late"), 1); len(got) != 10 {
		t.Errorf("a new cursor reads %d records", len(got))
	}
	tend(t, l, time.Now().Add(2*time.Hour))
	if n := len(segments(t, l.opt.Dir)); n != 1 {
		t.Errorf("%d segments after the retention", n)
	}
}

func TestForgottenCursor(t *testing.T) {
	dir := place(t)
	l := start(t, Options{Dir: dir, Sync: SyncNever, SegmentBytes: 100})
	gone := cursor(t, l, "gone")
	cursor(t, l, "a")
	for i := range 10 {
		add(t, l, 1, 3, text(i)+strings.Repeat("x", 60))
	}
	r, _ := ready(t, gone, 1)
	if err := gone.Ack(1, r.Seq); err != nil {
		t.Fatal(err)
	}
	l.Close()

	var losses ledger
	l = start(t, Options{Dir: dir, Sync: SyncNever, Lost: losses.lost})
	a := cursor(t, l, "a")
	drain(t, a, 1)
	tend(t, l, time.Now())
	if n := len(segments(t, dir)); n != 9 {
		t.Errorf("%d segments within the time that a cursor is waited for, want 9", n)
	}
	pastGrace(l)
	l.tidy(time.Now())
	if n := len(segments(t, dir)); n != 0 {
		t.Errorf("%d segments are held by a cursor that nobody has open", n)
	}
	l.tidy(time.Now().Add(48 * time.Hour))
	if records, items := losses.of("gone", 1, Abandoned); records != 9 || items != 27 {
		t.Errorf("%d records with %d items abandoned", records, items)
	}
	if _, err := os.Stat(filepath.Join(dir, "cursor-gone")); err == nil {
		t.Error("the cursor of nobody is still there")
	}
}

func TestCursorThatComesBackLate(t *testing.T) {
	dir := place(t)
	var losses ledger
	l := start(t, Options{Dir: dir, Sync: SyncNever, SegmentBytes: 100, Lost: losses.lost})
	cursor(t, l, "late")
	cursor(t, l, "a")
	for i := range 10 {
		add(t, l, 1, 3, text(i)+strings.Repeat("x", 60))
	}
	l.Close()
	l = start(t, Options{Dir: dir, Sync: SyncNever, SegmentBytes: 100, Lost: losses.lost})
	pastGrace(l)
	a := cursor(t, l, "a")
	drain(t, a, 1)
	tend(t, l, time.Now())
	late := cursor(t, l, "late")
	if records, items := losses.of("late", 1, Abandoned); records != 10 || items != 30 {
		t.Errorf("%d records with %d items abandoned", records, items)
	}
	if p := late.Pending(1); p.Records != 0 {
		t.Errorf("pending %+v", p)
	}
}

func TestDamagedCursorFile(t *testing.T) {
	for what, test := range map[string]struct {
		damage  func([]byte) []byte
		atMost  int // records that come again
		atLeast int
	}{
		"empty":      {func([]byte) []byte { return nil }, 10, 10},
		"nonsense":   {func(b []byte) []byte { return []byte(strings.Repeat("x", len(b))) }, 10, 10},
		"first slot": {func(b []byte) []byte { clear(b[:slotSize]); return b }, 1, 0},
		"other slot": {func(b []byte) []byte { clear(b[slotSize:]); return b }, 1, 0},
		"torn":       {func(b []byte) []byte { return b[:slotSize+40] }, 1, 0},
	} {
		t.Run(what, func(t *testing.T) {
			dir := place(t)
			l := start(t, Options{Dir: dir, Retain: time.Hour})
			for i := range 10 {
				add(t, l, 1, 1, text(i))
			}
			drain(t, cursor(t, l, "a"), 1)
			kill(l)
			rewrite(t, filepath.Join(dir, "cursor-a"), test.damage)
			var losses ledger
			l = start(t, Options{Dir: dir, Lost: losses.lost})
			got, _ := drain(t, cursor(t, l, "a"), 1)
			if len(got) > test.atMost || len(got) < test.atLeast {
				t.Errorf("%d records come again", len(got))
			}
			if records, _ := losses.of("a", 1); records != 0 {
				t.Errorf("%d records lost", records)
			}
		})
	}
}

// A cursor file that claims what never was takes nothing from others.
func TestCursorFromTheFuture(t *testing.T) {
	dir := place(t)
	l := start(t, Options{Dir: dir})
	c := cursor(t, l, "a")
	for i := range 3 {
		add(t, l, 1, 10, text(i))
	}
	c.lanes[1].read = position{100, 0}
	if err := c.save(); err != nil {
		t.Fatal(err)
	}
	kill(l)
	var losses ledger
	l = start(t, Options{Dir: dir, Lost: losses.lost})
	b := cursor(t, l, "b")
	got, items := drain(t, b, 1)
	if len(got) != 3 || items != 30 {
		t.Errorf("read %q with %d items", got, items)
	}
	conserved(t, b, 1, &losses, 3, 30)
	if p := b.Pending(1); p.Records != 0 {
		t.Errorf("pending for ever: %+v", p)
	}
	if seq := add(t, l, 1, 1, "next"); seq != 101 {
		t.Errorf("number %d", seq)
	}
}

// A cursor is forgotten by its age, which must not be that of the last record.
func TestCloseMakesACursorYoung(t *testing.T) {
	dir := place(t)
	l := start(t, Options{Dir: dir})
	cursor(t, l, "a")
	name, old := filepath.Join(dir, "cursor-a"), time.Now().Add(-48*time.Hour)
	if err := os.Chtimes(name, old, old); err != nil {
		t.Fatal(err)
	}
	l.Close()
	if info, err := os.Stat(name); err != nil || !info.ModTime().After(old.Add(time.Hour)) {
		t.Errorf("%v, %v", info.ModTime(), err)
	}
}

func TestNamesOfCursors(t *testing.T) {
	l := start(t, Options{Dir: place(t)})
	for _, name := range []string{"", strings.Repeat("x", 300)} {
		if _, err := l.Cursor(name, Oldest); err == nil {
			t.Errorf("%.10q is a name", name)
		}
	}
	for _, name := range []string{".", "..", "../../etc/passwd", "a b", "CON", "\x00", "lock"} {
		cursor(t, l, name)
		if _, err := l.Cursor(name, Oldest); err == nil {
			t.Errorf("%q can be opened twice", name)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	const each, lanes = 300, 3
	var losses ledger
	l := start(t, Options{Dir: place(t), SegmentBytes: 4 << 10, Lost: losses.lost, Sync: time.Millisecond})
	var work sync.WaitGroup
	for _, name := range []string{"a", "b"} {
		c := cursor(t, l, name)
		for lane := range uint8(lanes) {
			work.Go(func() {
				for want := uint64(1); want <= 2*each; want++ {
					r, err := c.Next(t.Context(), lane)
					if err != nil || r.Seq != want {
						t.Errorf("%s: record %d, %v; want %d", name, r.Seq, err, want)
						return
					}
					if err := c.Ack(lane, r.Seq); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	for range 2 {
		work.Go(func() {
			for i := range each {
				for lane := range uint8(lanes) {
					if _, err := l.Append(Record{Lane: lane, Items: 1, Payload: []byte(text(i))}); err != nil {
						t.Error(err)
					}
				}
				l.Stats()
			}
		})
	}
	work.Wait()
	if len(losses.losses) != 0 {
		t.Errorf("lost %+v", losses.losses)
	}
}
