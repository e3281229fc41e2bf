package main

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/otelmon/otelmon-go/bulk"
)

// load brings the table in line with the file.
func load(ctx context.Context, f flags, file io.ReadSeeker, about content, t *table) (bulk.Report, error) {
	storage, err := t.storage(ctx)
	if err != nil {
		return bulk.Report{}, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return bulk.Report{}, err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	opts := []bulk.Option{
		bulk.Workers(bulk.Auto(1, maxWorkers)), bulk.Batch(bulk.Auto(500, 5000)),
		bulk.MaxBytes(4<<20, record.size), bulk.Key(record.key),
		bulk.Total(about.rows), bulk.ErrorBudget(f.budget),
		bulk.Checkpoint(checkpoints{t.db, storage + " " + about.hash}, t.name),
	}
	if f.rate != 0 {
		opts = append(opts, bulk.Rate(f.rate))
	}
	return bulk.Run2(ctx, "etl.orders", records(file), loader{t, stop}.load, opts...)
}

// loader writes batches.
type loader struct {
	table *table
	stop  context.CancelCauseFunc
}

// load has what the database refuses written row by row, to tell the bad ones.
func (l loader) load(ctx context.Context, batch []record) error {
	op := bulk.From(ctx)
	leave := op.Stage("transform").Enter()
	good, at, bad := orders(batch)
	leave()
	defer op.Stage("write").Enter()()
	err := l.table.write(ctx, good)
	switch {
	case err == nil:
		return bad
	case !refused(err):
		return l.broken(err)
	}
	for i := range good {
		err := l.table.write(ctx, good[i:i+1])
		switch {
		case refused(err):
			bad = append(bad, bulk.ItemError{Index: at[i], Err: fmt.Errorf("line %d: %w", batch[at[i]].line, err)})
		case err != nil:
			return l.broken(err)
		}
	}
	return bad
}

// broken ends the run if the database is at fault: such rows are not bad, and to
// count them as failed would keep the next run from trying them again.
func (l loader) broken(err error) error {
	if busy(err) {
		return bulk.Overload(err, 0)
	}
	l.stop(fmt.Errorf("write to PostgreSQL (run it again to go on): %w", err))
	return err
}

// tell writes what was done, what kept it from being faster, and what was bad.
func tell(w io.Writer, table string, r bulk.Report) {
	fmt.Fprintf(w, "%s: %d of %d rows: %d written, %d done by earlier runs, %d failed\n",
		table, r.Items(), r.Total, r.OK, r.Skipped, r.Failed)
	fmt.Fprintf(w, "%.0f rows/s in %s, at the end by %d workers in batches of %d\n", r.Rate, r.Elapsed.Round(1e6), r.Concurrency, r.BatchSize)
	fmt.Fprintf(w, "what limits it: %s\n", cmp.Or(r.Verdict.Sentence, "nothing is clear"))
	for _, c := range r.Failures {
		fmt.Fprintf(w, "failed: %s (%s)\n", c.First.Message, c.First.Item)
	}
}
