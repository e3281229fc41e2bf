package spool

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/internal/files/filestest"
)

func TestFullDisk(t *testing.T) {
	l, disk := startOn(t, Options{Dir: place(t)})
	c := cursor(t, l, "a")
	add(t, l, 1, 1, "before")
	disk.Set(filestest.Failing("write", syscall.ENOSPC))
	for _, size := range []int{10, small + 10} { // written at once, and in two
		_, err := l.Append(Record{Lane: 1, Payload: make([]byte, size)})
		if !errors.Is(err, ErrFull) || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%v", err)
		}
	}
	if _, err := l.Append(Record{Lane: 2, Payload: []byte("x")}); !errors.Is(err, ErrFull) {
		t.Errorf("%v", err)
	}
	disk.Set(nil)
	if seq := add(t, l, 1, 1, "after"); seq != 2 {
		t.Errorf("number %d", seq)
	}
	if got, _ := drain(t, c, 1); fmt.Sprint(got) != "[before after]" {
		t.Errorf("read %q", got)
	}
	if n := len(segments(t, l.opt.Dir)); n != 1 {
		t.Errorf("%d segments", n)
	}
}

func TestBrokenDisk(t *testing.T) {
	for _, test := range []struct {
		call string
		sync time.Duration
	}{{"write", SyncNever}, {"open", SyncNever}, {"sync", SyncAlways}} {
		for _, stuck := range []bool{false, true} { // what was written cannot be taken back
			t.Run(fmt.Sprint(test.call, stuck), func(t *testing.T) {
				dir := place(t)
				l, disk := startOn(t, Options{Dir: dir, Sync: test.sync, SegmentBytes: 120, Retain: time.Hour})
				c := cursor(t, l, "a")
				add(t, l, 1, 1, "before")
				disk.Set(func(call, name string) error {
					if stuck && call == "truncate" {
						return errDisk
					}
					return filestest.Failing(test.call, errDisk)(call, name)
				})
				for range 2 {
					if _, err := l.Append(Record{Lane: 1, Items: 9, Payload: []byte(strings.Repeat("x", 80))}); !errors.Is(err, errDisk) {
						t.Errorf("%v", err)
					}
				}
				disk.Set(nil)
				if seq := add(t, l, 1, 1, "after"); seq != 2 {
					t.Errorf("number %d", seq)
				}
				if got, _ := drain(t, c, 1); fmt.Sprint(got) != "[before after]" {
					t.Errorf("read %q", got)
				}
				kill(l)
				l = start(t, Options{Dir: dir})
				if got, _ := drain(t, cursor(t, l, "b"), 1); fmt.Sprint(got) != "[before after]" {
					t.Errorf("after a restart: %q", got)
				}
			})
		}
	}
}

// A segment is not written to any more once its sync has failed.
func TestFailedSyncInTheBackground(t *testing.T) {
	l, disk := startOn(t, Options{Dir: place(t), Sync: time.Hour})
	add(t, l, 1, 1, "before")
	disk.Set(filestest.Failing("sync", errDisk))
	if err := l.flush(); !errors.Is(err, errDisk) {
		t.Errorf("%v", err)
	}
	disk.Set(nil)
	add(t, l, 1, 1, "after")
	if n := len(segments(t, l.opt.Dir)); n != 2 {
		t.Errorf("%d segments, want another one", n)
	}
	if got, _ := drain(t, cursor(t, l, "a"), 1); len(got) != 2 {
		t.Errorf("read %q", got)
	}
}

func TestUnreadableSegment(t *testing.T) {
	for _, call := range []string{"read", "open"} {
		t.Run(call, func(t *testing.T) {
			var losses ledger
			l, disk := startOn(t, Options{Dir: place(t), SegmentBytes: 120, Lost: losses.lost})
			c := cursor(t, l, "a")
			add(t, l, 1, 1, "first")
			add(t, l, 1, 2, strings.Repeat("x", 100))
			add(t, l, 1, 3, strings.Repeat("y", 100))
			bad := segments(t, l.opt.Dir)[1]
			if r, ok := ready(t, c, 1); !ok || string(r.Payload) != "first" {
				t.Fatalf("%+v", r)
			}
			disk.Set(func(c, name string) error {
				if c == call && strings.HasSuffix(bad, name) {
					return errDisk
				}
				return nil
			})
			for range maxFailures - 1 {
				if _, err := c.Next(t.Context(), 1); !errors.Is(err, errDisk) {
					t.Fatalf("%v", err)
				}
			}
			r, err := c.Next(t.Context(), 1)
			if err != nil || r.Seq != 3 {
				t.Fatalf("record %d, %v", r.Seq, err)
			}
			if records, items := losses.of("a", 1, Unreadable); records != 1 || items != 2 {
				t.Errorf("%d records with %d items unreadable", records, items)
			}
			conserved(t, c, 1, &losses, 0, 0)
		})
	}
}

// A hiccup of the disk loses nothing.
func TestReadAgain(t *testing.T) {
	l, disk := startOn(t, Options{Dir: place(t)})
	c := cursor(t, l, "a")
	for i := range 3 {
		add(t, l, 1, 1, text(i))
	}
	disk.Set(filestest.Failing("read", errDisk))
	if _, err := c.Next(t.Context(), 1); !errors.Is(err, errDisk) {
		t.Fatalf("%v", err)
	}
	disk.Set(nil)
	if got, _ := drain(t, c, 1); len(got) != 3 {
		t.Errorf("read %q", got)
	}
}

func TestCursorThatCannotBeSaved(t *testing.T) {
	l, disk := startOn(t, Options{Dir: place(t)})
	disk.Set(func(call, name string) error {
		if call == "write" && strings.HasPrefix(name, "cursor-") {
			return errDisk
		}
		return nil
	})
	if _, err := l.Cursor("a", Oldest); !errors.Is(err, errDisk) {
		t.Errorf("%v", err)
	}
	disk.Set(nil)
	c := cursor(t, l, "a")
	add(t, l, 1, 1, "x")
	r, _ := ready(t, c, 1)
	disk.Set(func(call, _ string) error { return errDisk })
	if err := c.Ack(1, r.Seq); !errors.Is(err, errDisk) {
		t.Errorf("%v", err)
	}
	if p := c.Pending(1); p.Records != 0 {
		t.Errorf("pending %+v", p)
	}
	disk.Set(nil)
}

// What is acknowledged is deleted only when a power failure cannot take the
// acknowledgement back, or it would look lost.
func TestAcknowledgementThatMayNotLast(t *testing.T) {
	l, disk := startOn(t, Options{Dir: place(t), Sync: time.Hour, SegmentBytes: 100})
	c := cursor(t, l, "a")
	for range 5 {
		add(t, l, 1, 1, strings.Repeat("x", 60))
	}
	disk.Set(func(call, name string) error {
		if call == "sync" && strings.HasPrefix(name, "cursor-") {
			return errDisk
		}
		return nil
	})
	drain(t, c, 1)
	_ = l.flush() // the goroutine may have got the error
	l.tidy(time.Now())
	if n := len(segments(t, l.opt.Dir)); n != 5 {
		t.Errorf("%d segments, want all 5", n)
	}
	disk.Set(nil)
	l.mu.Lock()
	err := c.save()
	l.mu.Unlock()
	if err = errors.Join(err, l.flush()); err != nil {
		t.Fatal(err)
	}
	l.tidy(time.Now())
	if n := len(segments(t, l.opt.Dir)); n != 1 {
		t.Errorf("%d segments, want the active one", n)
	}
}

func TestFailedSyncEndsTheSegment(t *testing.T) {
	l, disk := startOn(t, Options{Dir: place(t), Sync: SyncAlways})
	add(t, l, 1, 1, "before")
	disk.Set(filestest.Failing("sync", errDisk))
	if _, err := l.Append(Record{Lane: 1}); !errors.Is(err, errDisk) {
		t.Errorf("%v", err)
	}
	disk.Set(nil)
	add(t, l, 1, 1, "after")
	if n := len(segments(t, l.opt.Dir)); n != 2 {
		t.Errorf("%d segments, want another one", n)
	}
}

func TestEverySegmentIsSynced(t *testing.T) {
	l, disk := startOn(t, Options{Dir: place(t), Sync: time.Hour, SegmentBytes: 100})
	var mu sync.Mutex
	synced := make(map[string]bool)
	disk.Set(func(call, name string) error {
		mu.Lock()
		defer mu.Unlock()
		synced[name] = synced[name] || call == "sync"
		return nil
	})
	for range 5 {
		add(t, l, 1, 1, strings.Repeat("x", 60))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range segments(t, l.opt.Dir) {
		if !synced[filepath.Base(name)] {
			t.Errorf("%s was not synced", name)
		}
	}
}
