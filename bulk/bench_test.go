package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/otelmon/otelmon-go/bulk"
)

// Read each against its own baseline in the same run: Range and Each against the
// bare loop over the same sequence, and against an iterator that only passes
// items on, which is the least that any wrapper can cost; Slice against the bare
// slice loop; Owned against the bare loop; Shared against the bare atomic.

var sink atomic.Int64

// upTo is opaque to the compiler, as sequences that read from somewhere are.
//
//go:noinline
func upTo(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

//go:noinline
func elements(s []byte) iter.Seq[byte] { return slices.Values(s) }

//go:noinline
func passedOn(seq iter.Seq[int]) iter.Seq[int] {
	return func(yield func(int) bool) {
		seq(func(v int) bool { return yield(v) })
	}
}

func BenchmarkBareLoop(b *testing.B) {
	b.ReportAllocs()
	sum := 0
	for v := range upTo(b.N) {
		sum += v
	}
	sink.Store(int64(sum))
}

func BenchmarkPassedOn(b *testing.B) {
	b.ReportAllocs()
	sum := 0
	for v := range passedOn(upTo(b.N)) {
		sum += v
	}
	sink.Store(int64(sum))
}

func BenchmarkRange(b *testing.B) {
	b.ReportAllocs()
	sum := 0
	for v := range bulk.Range(b.Context(), "bench", upTo(b.N)) {
		sum += v
	}
	sink.Store(int64(sum))
}

func BenchmarkEach(b *testing.B) {
	b.ReportAllocs()
	sum := 0
	for _, v := range bulk.Each(b.Context(), "bench", upTo(b.N)) {
		sum += v
	}
	sink.Store(int64(sum))
}

func BenchmarkOwnedLoop(b *testing.B) {
	withOperation(b, func(_ *bulk.Operation, w *bulk.Worker) {
		sum := 0
		for v := range upTo(b.N) {
			sum += v
			w.OK()
		}
		sink.Store(int64(sum))
	})
}

func BenchmarkBareSlice(b *testing.B) {
	s := make([]byte, b.N)
	b.ReportAllocs()
	b.ResetTimer()
	sum := 0
	for v := range elements(s) {
		sum += int(v)
	}
	sink.Store(int64(sum))
}

func BenchmarkSlice(b *testing.B) {
	s := make([]byte, b.N)
	b.ReportAllocs()
	b.ResetTimer()
	sum := 0
	for v := range bulk.Slice(b.Context(), "bench", s) {
		sum += int(v)
	}
	sink.Store(int64(sum))
}

func BenchmarkBareAtomic(b *testing.B) {
	b.ReportAllocs()
	var n atomic.Int64
	for b.Loop() {
		n.Add(1)
	}
}

func withOperation(b *testing.B, count func(*bulk.Operation, *bulk.Worker)) {
	b.Helper()
	_, op := bulk.Start(context.Background(), "bench")
	defer op.End(nil)
	w := op.Worker()
	defer w.Close()
	b.ReportAllocs()
	count(op, w)
}

func BenchmarkOwnedOK(b *testing.B) {
	withOperation(b, func(_ *bulk.Operation, w *bulk.Worker) {
		for b.Loop() {
			w.OK()
		}
	})
}

func BenchmarkOwnedSkip(b *testing.B) {
	withOperation(b, func(_ *bulk.Operation, w *bulk.Worker) {
		for b.Loop() {
			w.Skip("unchanged")
		}
	})
}

func BenchmarkSharedOK(b *testing.B) {
	withOperation(b, func(op *bulk.Operation, _ *bulk.Worker) {
		for b.Loop() {
			op.OK()
		}
	})
}

func BenchmarkSharedBytes(b *testing.B) {
	withOperation(b, func(op *bulk.Operation, _ *bulk.Worker) {
		for b.Loop() {
			op.Bytes(4096)
		}
	})
}

func BenchmarkSharedSkip(b *testing.B) {
	withOperation(b, func(op *bulk.Operation, _ *bulk.Worker) {
		for b.Loop() {
			op.Skip("unchanged")
		}
	})
}

func BenchmarkSharedFail(b *testing.B) {
	err := errors.New("duplicate key")
	withOperation(b, func(op *bulk.Operation, _ *bulk.Worker) {
		for b.Loop() {
			op.Fail(err)
		}
	})
}

func BenchmarkSharedFailWrapped(b *testing.B) {
	err := fmt.Errorf("row 7: %w", fmt.Errorf("insert: %w", io.ErrUnexpectedEOF))
	withOperation(b, func(op *bulk.Operation, _ *bulk.Worker) {
		for b.Loop() {
			op.Fail(err)
		}
	})
}

func BenchmarkSharedOKParallel(b *testing.B) {
	withOperation(b, func(op *bulk.Operation, _ *bulk.Worker) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				op.OK()
			}
		})
	})
}

func BenchmarkStartEnd(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, op := bulk.Start(context.Background(), "bench")
		op.End(nil)
	}
}
