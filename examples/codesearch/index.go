package main

import (
	"context"
	"errors"
	"io/fs"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelmon/otelmon-go/bulk"
	"github.com/otelmon/otelmon-go/otelmon"
)

// operation is the name of the bulk operation.
const operation = "codesearch.index"

// indexer brings the index in line with a source tree. It may be stopped at any
// moment, even by a power cut: what was committed is not read again by the next
// run.
type indexer struct {
	store  *store
	source fs.FS
	root   string // names source
	files  otelmon.Gauge
}

// run is one bulk operation. Its items are the files found, and each is counted
// once: as ok when it is committed, as skipped when there is nothing to do, as
// failed when it cannot be read.
func (x *indexer) run(ctx context.Context) (s bulk.Snapshot, err error) {
	ctx, op := bulk.Start(ctx, operation)
	defer func() { s = op.Snapshot() }()
	defer op.End(&err)

	known, err := x.store.begin(ctx, x.root)
	if err != nil {
		return s, err
	}
	x.files.Set(ctx, float64(len(known)))
	found, err := x.find(ctx, op)
	if err != nil {
		return s, err
	}
	if err := x.update(ctx, op, found, known); err != nil {
		return s, err
	}
	return s, x.store.finish(ctx, time.Now())
}

func (x *indexer) find(ctx context.Context, op *bulk.Operation) (tree, error) {
	defer op.Stage("find").Enter()()
	found, err := walk(ctx, x.source)
	if err != nil {
		return tree{}, err
	}
	op.SetTotal(int64(len(found.files) + len(found.faults)))
	for _, f := range found.faults {
		op.Fail(f.err, attribute.String("file.path", f.path))
	}
	return found, nil
}

// update has many goroutines read and one write. When ctx is done, the readers
// stop, and what they have read is still written.
func (x *indexer) update(ctx context.Context, op *bulk.Operation, found tree, known map[string]stamp) error {
	reading, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var (
		changes = make(chan change, runtime.GOMAXPROCS(0))
		next    atomic.Int64
		readers sync.WaitGroup
	)
	for range runtime.GOMAXPROCS(0) {
		readers.Go(func() {
			r := reader{source: x.source, known: known, changes: changes, counts: op.Worker(), stage: op.Stage("read")}
			defer r.counts.Close()
			for reading.Err() == nil {
				i := next.Add(1) - 1
				if i >= int64(len(found.files)) {
					return
				}
				r.read(reading, found.files[i])
			}
		})
	}
	writing, release := grace(ctx)
	defer release()
	written := make(chan error, 1)
	go func() {
		w := writer{store: x.store, files: x.files, stage: op.Stage("write"), counts: op.Worker()}
		err := w.run(writing, changes)
		w.counts.Close() // before the operation can end
		stop(err)
		written <- err
	}()
	readers.Wait()
	if reading.Err() == nil {
		for _, path := range found.gone(known) {
			send(reading, changes, change{document{path: path}, remove})
		}
	}
	close(changes)
	return errors.Join(<-written, context.Cause(ctx))
}

func send(ctx context.Context, changes chan<- change, c change) {
	select {
	case changes <- c:
	case <-ctx.Done():
	}
}

// reader turns files into changes of the index.
type reader struct {
	source  fs.FS
	known   map[string]stamp
	changes chan<- change
	counts  *bulk.Worker
	stage   *bulk.Stage
}

func (r *reader) read(ctx context.Context, f file) {
	before, indexed := r.known[f.path]
	if indexed && f.size == before.size && f.mtime.Equal(before.mtime) {
		r.counts.Skip("unchanged")
		return
	}
	leave := r.stage.Enter()
	d, err := readDocument(r.source, f)
	leave()
	var reason unsuitable
	switch {
	case errors.As(err, &reason):
		r.counts.Skip(string(reason))
		if indexed {
			send(ctx, r.changes, change{d, remove})
		}
	case err != nil:
		r.counts.Fail(err, attribute.String("file.path", f.path))
	case indexed && d.hash == before.hash:
		r.counts.Skip("same content")
		send(ctx, r.changes, change{d, touch})
	default:
		send(ctx, r.changes, change{d, save})
	}
}

// writer is the one goroutine that changes the index.
type writer struct {
	store  *store
	files  otelmon.Gauge
	counts *bulk.Worker
	stage  *bulk.Stage
	batch  batch
}

func (w *writer) run(ctx context.Context, changes <-chan change) error {
	for c := range changes {
		w.batch.add(c)
		if !w.batch.full() {
			continue
		}
		if err := w.commit(ctx); err != nil {
			return err
		}
	}
	return w.commit(ctx)
}

// commit is one span: a batch is what the database sees, a file is not.
func (w *writer) commit(ctx context.Context) (err error) {
	if w.batch.len() == 0 {
		return nil
	}
	defer w.stage.Enter()()
	ctx, end := otelmon.Begin(ctx, "codesearch.commit", attribute.Int("db.operation.batch.size", w.batch.len()))
	defer end(&err)
	files, err := w.store.apply(ctx, w.batch)
	if err != nil {
		return err
	}
	w.files.Set(ctx, float64(files))
	for _, d := range w.batch.save {
		w.counts.OK()
		w.counts.Bytes(len(d.body))
	}
	w.batch = batch{}
	return nil
}
