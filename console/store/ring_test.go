package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
)

func record(n int, size int) []byte {
	b := make([]byte, size)
	binary.LittleEndian.PutUint32(b, uint32(size))
	binary.LittleEndian.PutUint32(b[4:], uint32(n))
	return b
}

func TestRingKeepsTheNewestWithinItsBytes(t *testing.T) {
	r := newRing(8 * 1024)
	const n = 1000
	for i := range n {
		r.add(record(i, 8+i%100), int64(i))
	}
	var got []int
	r.walk(func(rec []byte) bool {
		got = append(got, int(binary.LittleEndian.Uint32(rec[4:])))
		return true
	})
	u := r.usage("x")
	if u.Bytes > 8*1024 || u.MaxBytes != 8*1024 {
		t.Errorf("holds %d of %d bytes", u.Bytes, u.MaxBytes)
	}
	if u.Kept != len(got) || u.Kept+int(u.Dropped) != n {
		t.Errorf("kept %d, dropped %d, walked %d of %d", u.Kept, u.Dropped, len(got), n)
	}
	slices.Sort(got)
	if got[len(got)-1] != n-1 || got[0] != n-len(got) {
		t.Errorf("kept %d…%d, want the newest %d without a gap", got[0], got[len(got)-1], len(got))
	}
	if len(got) < 80 {
		t.Errorf("kept only %d records of about 58 bytes in 8 KiB", len(got))
	}
}

func TestRingWalksTheNewestSegmentFirstAndStops(t *testing.T) {
	r := newRing(8 * 1024)
	for i := range 100 {
		r.add(record(i, 100), int64(i))
	}
	calls := 0
	r.walk(func(rec []byte) bool {
		calls++
		return binary.LittleEndian.Uint32(rec[4:]) < 95
	})
	if calls > 10 {
		t.Errorf("walked %d records after the end of the first segment", calls)
	}
}

func TestRingDoesNotAllocateOnceFull(t *testing.T) {
	r := newRing(64 * 1024)
	rec := record(1, 400)
	for range 1000 {
		r.add(rec, 1)
	}
	if n := testing.AllocsPerRun(1000, func() { r.add(rec, 1) }); n != 0 {
		t.Errorf("%v allocations an add", n)
	}
}

func TestRingOverwritesNothingThatIsBeingRead(t *testing.T) {
	r := newRing(8 * 1024)
	for i := range 100 {
		r.add(record(i, 100), 1)
	}
	walked := 0
	r.walk(func(rec []byte) bool {
		want := slices.Clone(rec)
		for range 100 { // all segments, while this one is read
			r.add(record(7777, 100), 1)
		}
		if !bytes.Equal(rec, want) {
			t.Fatalf("record %x became %x", want[:8], rec[:8])
		}
		walked++
		return false
	})
	if walked == 0 {
		t.Fatal("nothing was read")
	}
	if u := r.usage("x"); u.Bytes > 8*1024 || u.Kept > 80 {
		t.Errorf("%+v", u)
	}
	for _, s := range r.segs {
		if s.readers != 0 {
			t.Error("a reader never left")
		}
	}
}

func TestRingConcurrentSafe(t *testing.T) {
	r := newRing(8 * 1024)
	done := make(chan error)
	go func() {
		for i := range 5000 {
			r.add(record(i, 64), int64(i))
		}
		done <- nil
	}()
	go func() {
		for range 200 {
			r.walk(func(rec []byte) bool {
				if len(rec) != 64 {
					done <- fmt.Errorf("record of %d bytes", len(rec))
				}
				return true
			})
		}
		done <- nil
	}()
	for range 2 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}
