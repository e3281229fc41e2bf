package spool

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func FuzzScan(f *testing.F) {
	one := put(mark, header{items: 3, lane: 2}, []byte("one"))
	f.Add(append(one, put(mark, header{before: position{1, 3}, items: 4, lane: 2}, []byte("two"))...))
	f.Add(append(marked, marked...))
	f.Add(make([]byte, 200))
	f.Fuzz(func(t *testing.T, b []byte) {
		scan := scanner{from: bytes.NewReader(b), mark: mark, lane: 2, size: int64(len(b))}
		last, end := scan.seen, int64(0)
		for {
			h, payload, err := scan.next(position{maxCount, maxCount})
			if err != nil {
				break
			}
			if h.before.seq < last.seq || h.before.items < last.items || scan.off <= end || checksum(payload) != h.sum {
				t.Fatalf("record %+v after %+v", h, last)
			}
			last, end = h.after(), scan.off
		}
		if cap(scan.buf) > max(chunk, len(b)) {
			t.Fatalf("%d bytes allocated for %d", cap(scan.buf), len(b))
		}
	})
}

// FuzzOpen puts any file of any name into the directory. The log must open and
// work, unless the name leads elsewhere.
func FuzzOpen(f *testing.F) {
	one := put(mark, header{items: 3, lane: 2}, []byte("one"))
	f.Add(nameSegment(2, position{}, 1, mark), one, nameSegment(2, position{1, 3}, 2, mark), one)
	f.Add(nameSegment(2, position{maxCount - 1, maxCount - 1}, 1, mark), one, "cursor-a", []byte(cursorMagic))
	f.Add(nameSegment(2, position{5, 1}, 1, mark), one, nameSegment(2, position{4, 7}, 1, mark), one)
	f.Fuzz(func(t *testing.T, name1 string, content1 []byte, name2 string, content2 []byte) {
		dir := inMemory(t)
		for name, content := range map[string][]byte{name1: content1, name2: content2} {
			if filepath.Base(name) == name && name != "lock" {
				_ = os.WriteFile(filepath.Join(dir, name), content, 0o600) // not every name is one
			}
		}
		l, err := Open(Options{Dir: dir, MinFree: -1, Sync: SyncNever})
		if err != nil {
			t.Skip(err)
		}
		defer l.Close()
		c, err := l.Cursor("a", Oldest)
		if err != nil {
			t.Skip(err)
		}
		ready(t, c, 2)
		ready(t, c, 2)
		if b := c.lanes[2].behind(); b.records > 2*maxCount || b.items > 2*maxCount {
			t.Fatalf("told %+v", b)
		}
		drain(t, c, 2)
		add(t, l, 2, 1, "after")
		if got, _ := drain(t, c, 2); len(got) != 1 || got[0] != "after" {
			t.Fatalf("read %q", got)
		}
		if p := c.Pending(2); p.Records != 0 || p.Items != 0 || p.Bytes != 0 {
			t.Fatalf("pending %+v", p)
		}
		l.tidy(l.opened)
		l.Stats()
	})
}
