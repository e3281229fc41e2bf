package bulk

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

// slowly reads a KiB a second.
type slowly struct{ left int }

func (s *slowly) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	wait(time.Second)
	n := min(s.left, 1024, len(p))
	s.left -= n
	return n, nil
}

func TestReaderIsMeasuredByItsBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		r := Reader(t.Context(), "download", &slowly{left: 40 << 10}, TotalBytes(40<<10), p.Providers)
		defer r.Close()
		if _, err := io.CopyN(io.Discard, r, 30<<10); err != nil {
			t.Fatal(err)
		}
		wait(time.Millisecond)
		s := r.Operation().Snapshot()
		if s.Progress() != 0.75 || s.ETA < 9*time.Second || s.ETA > 11*time.Second || s.Items() != 0 {
			t.Errorf("progress %v, eta %v, %d items; want 0.75, 10 s and no items", s.Progress(), s.ETA, s.Items())
		}
		s.ByteRate = 1024
		const want = "download: 30.0 KiB of 40.0 KiB (75%), 1.0 KiB/s, about 10s left"
		if got := s.String(); got != want {
			t.Errorf("says %q, want %q", got, want)
		}
		metrics := p.collect(t)
		if metrics["bulk.operation.progress{bulk.operation.name=download}"] != 0.75 || metrics["bulk.io{bulk.operation.name=download}"] != 30<<10 {
			t.Errorf("metrics = %v", metrics)
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			t.Fatal(err)
		}
		if got := r.Operation().Snapshot(); got.Result != Completed || got.Bytes != 40<<10 {
			t.Errorf("at its end: %v", got)
		}
	})
}

type closed struct {
	io.Reader
	n int
}

func (c *closed) Close() error { c.n++; return errors.New("close failed") }

func TestEndsOfReaders(t *testing.T) {
	broken := errors.New("connection reset")
	for name, tt := range map[string]struct {
		from  io.Reader
		size  int64
		read  bool // to the end
		err   error
		want  Result
		bytes int64
	}{
		"nil":                {nil, Unknown, true, errNoSource, Failed, 0},
		"empty":              {strings.NewReader(""), 0, true, nil, Completed, 0},
		"size unknown":       {strings.NewReader("hello"), Unknown, true, nil, Completed, 5},
		"larger than said":   {strings.NewReader("hello"), 3, true, nil, Completed, 5},
		"broken":             {io.MultiReader(strings.NewReader("he"), iotest.ErrReader(broken)), 5, true, broken, Failed, 2},
		"closed before":      {strings.NewReader("hello"), 5, false, nil, Completed, 0},
		"data with the EOF":  {iotest.DataErrReader(strings.NewReader("hello")), 5, true, nil, Completed, 5},
		"timeout half a way": {iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("hello"))), 5, true, iotest.ErrTimeout, Failed, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := Reader(t.Context(), "download", tt.from, TotalBytes(tt.size))
			if tt.read {
				if _, err := io.Copy(io.Discard, r); !errors.Is(err, tt.err) {
					t.Errorf("error = %v, want %v", err, tt.err)
				}
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			if s := r.Operation().Snapshot(); s.Result != tt.want || s.Bytes != tt.bytes {
				t.Errorf("%s with %d bytes, want %s with %d", s.Result, s.Bytes, tt.want, tt.bytes)
			}
		})
	}
	inside := &closed{Reader: strings.NewReader("")}
	if err := Reader(t.Context(), "download", inside).Close(); err == nil || inside.n != 1 {
		t.Errorf("Close inside was called %d times, error %v", inside.n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := Reader(ctx, "download", strings.NewReader("hello"))
	cancel()
	if _ = r.Close(); r.Operation().Snapshot().Result != Canceled {
		t.Error("a reader that is closed with its context canceled is not canceled")
	}
}

// table is rows like those of database/sql.
type table struct {
	rows   []string
	at     int
	err    error
	closed int
}

func (t *table) Next() bool { t.at++; return t.at <= len(t.rows) }
func (t *table) Err() error { return t.err }
func (t *table) Close() error {
	t.closed++
	return nil
}

func (t *table) Scan(to *string) error {
	if *to = t.rows[t.at-1]; *to == "" {
		return errors.New("no name")
	}
	return nil
}

func TestRows(t *testing.T) {
	lost := errors.New("connection lost")
	scan := func(r *table) (name string, err error) { err = r.Scan(&name); return name, err }
	for name, tt := range map[string]struct {
		err    error
		leave  int // the row at which the loop is left
		result Result
		want   counts
	}{
		"to the end":          {nil, 9, Completed, counts{ok: 2, failed: 1}},
		"left early":          {nil, 1, Completed, counts{ok: 1}},
		"the query breaks":    {lost, 9, Failed, counts{ok: 2, failed: 1}},
		"left before a break": {lost, 1, Completed, counts{ok: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProbe()
			rows := &table{rows: []string{"ada", "grace", ""}, err: tt.err}
			n, last := 0, error(nil)
			for _, err := range Rows(t.Context(), "export", rows, scan, p.Providers) {
				if n == tt.leave {
					break
				}
				n, last = n+1, err
			}
			if rows.closed != 1 {
				t.Errorf("rows were closed %d times", rows.closed)
			}
			if tt.err != nil && tt.result == Failed && !errors.Is(last, tt.err) {
				t.Errorf("last error = %v, want %v", last, tt.err)
			}
			root := p.root(t, "export")
			if got := attr(root.Attributes(), "bulk.operation.result"); got != string(tt.result) {
				t.Errorf("result = %s, want %s", got, tt.result)
			}
			got := counts{ok: num(t, root.Attributes(), "bulk.items.ok"), failed: num(t, root.Attributes(), "bulk.items.failed")}
			if got != tt.want {
				t.Errorf("counts = %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestNilSourcesFail(t *testing.T) {
	each := func(name string, run func(Providers)) {
		p := newProbe()
		run(p.Providers)
		root := p.root(t, "op")
		if got := attr(root.Attributes(), "bulk.operation.result"); got != "failed" || root.Status().Description != errNoSource.Error() {
			t.Errorf("%s: %s: %s", name, got, root.Status().Description)
		}
	}
	each("Range", func(p Providers) {
		for range Range(t.Context(), "op", iter.Seq[int](nil), p) {
			t.Error("an item of nothing")
		}
	})
	each("Range2", func(p Providers) {
		for range Range2(t.Context(), "op", iter.Seq2[int, int](nil), p) {
			t.Error("an item of nothing")
		}
	})
	each("Each", func(p Providers) {
		for range Each(t.Context(), "op", iter.Seq[int](nil), p) {
			t.Error("an item of nothing")
		}
	})
	each("Chan", func(p Providers) {
		for range Chan(t.Context(), "op", (chan int)(nil), p) {
			t.Error("an item of nothing")
		}
	})
	each("Rows", func(p Providers) {
		for _, err := range Rows(t.Context(), "op", (*table)(nil), func(*table) (int, error) { return 0, nil }, p) {
			if !errors.Is(err, errNoSource) {
				t.Errorf("Rows: %v", err)
			}
		}
	})
	for range Slice(t.Context(), "op", bytes.Split(nil, nil)) {
		t.Log("an empty slice is no fault")
	}
}
