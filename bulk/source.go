package bulk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
)

var errNoSource = errors.New("no source: it is nil")

// Stream is a reader whose bytes are counted by an operation. It is made by
// [Reader], and as safe for concurrent use as the reader inside.
type Stream struct {
	from io.Reader
	op   *Operation
}

var _ io.ReadCloser = (*Stream)(nil)

// Reader tracks what is read from r as one operation, which starts at once and
// ends when r does, at the first error, or with [Stream.Close], whichever comes
// first: a program that may stop reading before that must call Close.
//
// The operation counts bytes, not items. [TotalBytes] says how many will come,
// and without it there is neither a percentage nor an ETA. A nil r reads as an
// error.
func Reader(ctx context.Context, name string, r io.Reader, opts ...Option) *Stream {
	_, op := Start(ctx, name, append([]Option{unit{}}, opts...)...)
	return &Stream{from: r, op: op}
}

// Read reads from the reader inside and returns its errors as they are.
// [io.EOF] ends the operation as completed, any other error as failed.
func (s *Stream) Read(p []byte) (int, error) {
	if s.from == nil {
		s.op.finish(Failed, errNoSource)
		return 0, fmt.Errorf("read %s: %w", s.op.name, errNoSource)
	}
	n, err := s.from.Read(p)
	s.op.Bytes(n)
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		s.op.finish(Completed, nil)
	default:
		s.op.finish(s.op.resultOf(err), err)
	}
	return n, err
}

// Close ends the operation, if it has not ended: as completed, or as canceled
// when its context is. It closes the reader inside if that is an [io.Closer],
// and returns its error.
func (s *Stream) Close() error {
	s.op.finishLoop(nil)
	if c, ok := s.from.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// Operation returns the operation, to change its total, count items or look at
// it. The stream ends it.
func (s *Stream) Operation() *Operation { return s.op }

// RowSource is what [Rows] reads from, such as [database/sql.Rows].
type RowSource interface {
	Next() bool
	Err() error
	Close() error
}

// Rows passes on the rows of a query and tracks the loop over them as [Range2]
// does:
//
//	scan := func(r *sql.Rows) (u User, err error) { err = r.Scan(&u.ID, &u.Name); return u, err }
//	for u, err := range bulk.Rows(ctx, "export.users", rows, scan) {
//
// A row that scan returns an error for counts as failed. An error of the query
// itself comes as a last pair, with the zero T; it is no item, and the operation
// ends as failed even if the body goes on. The rows are closed when the loop
// ends.
//
//go:noinline
func Rows[T any, R RowSource](ctx context.Context, name string, rows R, scan func(R) (T, error), opts ...Option) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		track(ctx, name, opts, func(it *Item, w *Worker) {
			err := errNoSource
			v := reflect.ValueOf(rows)
			if missing := !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() || scan == nil; !missing {
				var left bool
				if left, err = eachRow(it, w, rows, scan, yield); left {
					return
				}
			}
			if err != nil {
				var none T
				yield(none, err)
				it.err = err
			}
		})
	}
}

// eachRow returns the error of the query, and whether the loop was left.
func eachRow[T any, R RowSource](it *Item, w *Worker, rows R, scan func(R) (T, error), yield func(T, error) bool) (left bool, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		w.begin()
		v, err := scan(rows)
		if err != nil {
			it.Fail(err)
		}
		if !yield(v, err) {
			return true, nil
		}
		if !it.settled() {
			w.OK()
		}
	}
	return false, rows.Err()
}
