package spool

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkAppend compares with a plain write of as many bytes to a file.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{512, 100 << 10} {
		payload := make([]byte, size)
		b.Run(fmt.Sprintf("spool/%d", size), func(b *testing.B) {
			l := start(b, Options{Dir: place(b), Sync: SyncNever, MaxBytes: 64 << 20, SegmentBytes: 4 << 20})
			cursor(b, l, "a")
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := l.Append(Record{Items: 1, Payload: payload}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("file/%d", size), func(b *testing.B) {
			f, err := os.Create(filepath.Join(b.TempDir(), "plain"))
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			whole := make([]byte, headerSize+size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for written := 0; b.Loop(); written += len(whole) {
				if written > 4<<20 { // as large as a segment
					written = 0
					f.Close()
					os.Remove(f.Name())
					if f, err = os.Create(f.Name()); err != nil {
						b.Fatal(err)
					}
				}
				if _, err := f.Write(whole); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkReplay(b *testing.B) {
	for _, size := range []int{512, 100 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			l := start(b, Options{Dir: place(b), Sync: SyncNever, Retain: 1 << 60})
			for range (32 << 20) / size {
				add(b, l, 1, 1, string(make([]byte, size)))
			}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			var c *Cursor
			names := 0
			for b.Loop() {
				if c == nil || c.Pending(1).Records == 0 {
					names++
					c = cursor(b, l, fmt.Sprint(names))
				}
				r, err := c.Next(b.Context(), 1)
				if err != nil {
					b.Fatal(err)
				}
				if err := c.Ack(1, r.Seq); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPending(b *testing.B) {
	l := start(b, Options{Dir: place(b), Sync: SyncNever, SegmentBytes: 1 << 10})
	c := cursor(b, l, "a")
	for range 64 {
		add(b, l, 1, 1, string(make([]byte, 1<<10)))
	}
	b.ReportAllocs()
	for b.Loop() {
		l.Stats()
		c.Pending(1)
	}
}
