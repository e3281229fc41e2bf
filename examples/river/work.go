package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"go.opentelemetry.io/otel/attribute"

	"github.com/otelmon/otelmon-go/bulk"
)

// startWorker does partitions, one at a time, until it is told to end. The one at
// hand is finished first.
func startWorker(ctx context.Context, f flags, db *pgxpool.Pool, logger *slog.Logger, stderr io.Writer) error {
	parts := joinParts(context.WithoutCancel(ctx), db, f.name, stderr)
	defer parts.leave()
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &worker{db: db, name: f.name, parts: parts}); err != nil {
		return err
	}
	client, err := river.NewClient(riverpgxv5.New(db), &river.Config{
		Queues:               map[string]river.QueueConfig{queue: {MaxWorkers: 1, FetchCooldown: 10 * time.Millisecond}},
		Workers:              workers,
		ID:                   fmt.Sprintf("%s-%x", f.name, time.Now().UnixNano()),
		Logger:               logger,
		JobTimeout:           f.rescue,
		RescueStuckJobsAfter: f.rescue,
		SoftStopTimeout:      f.rescue,
	})
	if err != nil {
		return err
	}
	if err := client.Start(ctx); err != nil {
		return fmt.Errorf("start River: %w", err)
	}
	fmt.Fprintf(stderr, "river: worker %s takes partitions\n", f.name)
	<-client.Stopped()
	return nil
}

// worker does partitions.
type worker struct {
	river.WorkerDefaults[partition]
	db    *pgxpool.Pool
	name  string
	parts *parts
}

// Work implements [river.Worker]. Its rows are counted when they are committed
// and not before, so those that are done again count once.
func (w *worker) Work(ctx context.Context, job *river.Job[partition]) error {
	op, leave := w.parts.enter(job.Args)
	defer leave()
	var r result
	err := pgx.BeginFunc(ctx, w.db, func(tx pgx.Tx) (err error) {
		if r, err = w.do(ctx, tx, op, job); err != nil {
			return err
		}
		_, err = river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, job)
		return err
	})
	if err != nil {
		return err
	}
	op.Add(len(r.slugs))
	for _, id := range r.bad {
		op.Fail(errNoSlug, attribute.Int64("document.id", id))
	}
	return nil
}

// do claims the partition before it touches it: River may give it to two workers,
// if one was thought lost, and JobCompleteTx lets both pass. The claim lets the
// second wait for the first, and do nothing once that has committed.
func (w *worker) do(ctx context.Context, tx pgx.Tx, op *bulk.Operation, job *river.Job[partition]) (r result, err error) {
	p := job.Args
	claim, err := tx.Exec(ctx, `INSERT INTO backfill_parts (operation, part, worker, attempt) VALUES ($1, $2, $3, $4)
		ON CONFLICT DO NOTHING`, p.Operation, p.Part, w.name, job.Attempt)
	if err != nil || claim.RowsAffected() == 0 {
		return r, err
	}
	if r, err = fill(ctx, tx, op, p); err != nil {
		return r, err
	}
	_, err = tx.Exec(ctx, `UPDATE backfill_parts SET ok = $3, failed = $4 WHERE operation = $1 AND part = $2`,
		p.Operation, p.Part, len(r.slugs), len(r.bad))
	return r, err
}
