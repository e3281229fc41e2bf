package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelmon/otelmon-go/bulk"
	"github.com/otelmon/otelmon-go/otelmon"
)

// operation is the name of the bulk operation.
const operation = "codesearch.index"

const (
	batchFiles = 128
	batchBytes = 2 << 20
)

// indexer brings the index in line with a source tree. It may be stopped at any
// moment, even by a power cut: what was committed is not read again by the next
// run.
type indexer struct {
	store  *store
	source fs.FS
	root   string // names source
	files  otelmon.Gauge
	known  map[string]stamp // what was indexed before

	writing sync.Mutex // SQLite has one writer
}

// run is one bulk operation. Its items are the files found, and each is counted
// once: as ok when it is committed, as skipped when there is nothing to do, as
// failed when it cannot be read. There is no checkpoint, as the index itself tells
// what is done. While one worker writes, each processor has one that reads.
func (x *indexer) run(ctx context.Context) (s bulk.Snapshot, err error) {
	if x.known, err = x.store.begin(ctx, x.root); err != nil {
		return s, err
	}
	x.files.Set(ctx, float64(len(x.known)))
	found, err := walk(ctx, x.source)
	if err != nil {
		return s, err
	}
	report, err := bulk.Run2(
		ctx, operation, found.all, x.index,
		bulk.Total(len(found.files)+len(found.faults)), bulk.ErrorBudget(1),
		bulk.Workers(runtime.GOMAXPROCS(0)+1), bulk.Batch(batchFiles), bulk.MaxBytes(batchBytes, file.bytes),
	)
	if err == nil {
		err = x.commit(ctx, batch{remove: found.gone(x.known)})
	}
	if err == nil {
		err = x.store.finish(ctx, time.Now())
	}
	return report.Snapshot, err
}

// index writes what has changed in a batch of files. When ctx is done, what was
// read is still written.
func (x *indexer) index(ctx context.Context, files []file) error {
	var b batch
	var rest bulk.ItemErrors
	for i, f := range files {
		if err := x.read(ctx, f, &b); err != nil {
			rest = append(rest, bulk.ItemError{Index: i, Err: err})
		}
	}
	lasting, release := grace(ctx)
	defer release()
	if err := x.commit(lasting, b); err != nil {
		return bulk.Stop(fmt.Errorf("write to the index: %w", err))
	}
	return rest
}

// read adds what a file changes to a batch. Its error is why the file is not saved.
func (x *indexer) read(ctx context.Context, f file, b *batch) error {
	before, indexed := x.known[f.path]
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case indexed && f.size == before.size && f.mtime.Equal(before.mtime):
		return bulk.Skipped("unchanged")
	}
	d, err := readDocument(x.source, f)
	var reason unsuitable
	switch {
	case errors.As(err, &reason):
		if indexed {
			b.remove = append(b.remove, f.path)
		}
		return bulk.Skipped(string(reason))
	case err != nil:
		return err
	case indexed && d.hash == before.hash:
		b.touch = append(b.touch, d)
		return bulk.Skipped("same content")
	}
	b.save = append(b.save, d)
	return nil
}

// commit is one span: a batch is what the database sees, a file is not.
func (x *indexer) commit(ctx context.Context, b batch) (err error) {
	if b.len() == 0 {
		return nil
	}
	x.writing.Lock()
	defer x.writing.Unlock()
	defer bulk.From(ctx).Stage("write").Enter()()
	ctx, end := otelmon.Begin(ctx, "codesearch.commit", attribute.Int("db.operation.batch.size", b.len()))
	defer end(&err)
	files, err := x.store.apply(ctx, b)
	if err != nil {
		return err
	}
	x.files.Set(ctx, float64(files))
	return nil
}
