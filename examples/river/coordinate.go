package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"

	"github.com/otelmon/otelmon-go/bulk"
)

// coordinator begins the operation, or goes on with one, and knows the whole of it.
type coordinator struct {
	db     *pgxpool.Pool
	client *river.Client[pgx.Tx]
	rescue time.Duration
	hurry  time.Time // when River was last asked to look for lost jobs
	stderr io.Writer

	backfill
	op *bulk.Operation
}

// backfill is a row of the table backfills.
type backfill struct {
	operation  string // empty without a row
	rows       int64
	parts      int
	invitation propagation.MapCarrier
}

func startCoordinator(ctx context.Context, f flags, db *pgxpool.Pool, stdout, stderr io.Writer) error {
	client, err := river.NewClient(riverpgxv5.New(db), &river.Config{})
	if err != nil {
		return err
	}
	unlock, err := lock(ctx, db, "another coordinator", stderr)
	if err != nil {
		return err
	}
	defer unlock()
	c := &coordinator{db: db, client: client, rescue: f.rescue, stderr: stderr}
	if c.backfill, err = unfinished(ctx, db); err != nil {
		return err
	}
	err = c.coordinate(ctx, f.parts)
	if line, ok := stderr.(*bulk.Line); ok {
		line.Stop() // stdout may be the same terminal
	}
	return errors.Join(err, c.tell(context.WithoutCancel(ctx), stdout))
}

// coordinate is the operation. One that goes on does so in the trace that it
// began in, with a span and an id of its own: those of the first are lost with
// its process.
func (c *coordinator) coordinate(ctx context.Context, parts int) (err error) {
	if c.operation != "" {
		ctx = otel.GetTextMapPropagator().Extract(ctx, c.invitation)
	}
	ctx, c.op = bulk.Start(ctx, operationName)
	defer c.op.End(&err)
	what := "going on with"
	if c.operation == "" {
		what = "beginning"
		if err := c.begin(ctx, parts); err != nil {
			return fmt.Errorf("begin: %w", err)
		}
	}
	fmt.Fprintf(c.stderr, "river: %s operation %s: %d rows in %d partitions\n", what, c.operation, c.rows, c.parts)
	c.op.SetTotal(c.rows)
	return c.follow(ctx)
}

func unfinished(ctx context.Context, db *pgxpool.Pool) (b backfill, err error) {
	err = db.QueryRow(ctx, `SELECT operation, rows, parts, invitation FROM backfills WHERE ended IS NULL`).
		Scan(&b.operation, &b.rows, &b.parts, &b.invitation)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return b, err
}

// begin inserts the jobs together with what must be known of them later, or
// nothing at all.
func (c *coordinator) begin(ctx context.Context, parts int) error {
	id := c.op.Snapshot().ID
	invitation := propagation.MapCarrier{}
	otel.GetTextMapPropagator().Inject(c.op.Invite(ctx), invitation)
	return pgx.BeginFunc(ctx, c.db, func(tx pgx.Tx) error {
		jobs, rows, err := cut(ctx, tx, parts)
		if err != nil {
			return err
		}
		if len(jobs) == 0 {
			return errors.New("the table documents is empty")
		}
		_, err = tx.Exec(ctx, `INSERT INTO backfills (operation, rows, parts, invitation) VALUES ($1, $2, $3, $4)`,
			id, rows, len(jobs), invitation)
		if err != nil {
			return err
		}
		inserts := make([]river.InsertManyParams, len(jobs))
		for i, p := range jobs {
			p.Operation, p.Invitation = id, invitation
			inserts[i].Args = p
		}
		if _, err := c.client.InsertManyFastTx(ctx, tx, inserts); err != nil {
			return err
		}
		c.backfill = backfill{id, rows, len(jobs), invitation}
		return nil
	})
}

// cut makes partitions of the same number of documents, whatever gaps their ids
// have.
func cut(ctx context.Context, tx pgx.Tx, parts int) (jobs []partition, total int64, err error) {
	answer, err := tx.Query(ctx, `SELECT part, min(id), max(id), count(*)
		FROM (SELECT id, ntile($1) OVER (ORDER BY id) AS part FROM documents) AS documents GROUP BY part ORDER BY part`, parts)
	if err != nil {
		return nil, 0, err
	}
	var p partition
	var rows int64
	_, err = pgx.ForEachRow(answer, []any{&p.Part, &p.First, &p.Last, &rows}, func() error {
		jobs, total = append(jobs, p), total+rows
		return nil
	})
	return jobs, total, err
}

// follow takes in what the workers have committed until no partition is left.
func (c *coordinator) follow(ctx context.Context) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		done, err := c.merge(ctx)
		if err != nil {
			return fmt.Errorf("merge: %w", err)
		}
		lost, cause, err := c.look(ctx)
		if err != nil {
			return fmt.Errorf("look after jobs: %w", err)
		}
		if done+lost >= c.parts {
			if _, err := c.db.Exec(ctx, `UPDATE backfills SET ended = now() WHERE operation = $1`, c.operation); err != nil {
				return err
			}
			if lost > 0 {
				return fmt.Errorf("%d of %d partitions failed, such as %s", lost, c.parts, cause)
			}
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; the workers go on, and so does this when it is started again", context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// merge hands the sums of what is committed to the operation. They only grow,
// also over restarts of a worker, so none needs an epoch.
func (c *coordinator) merge(ctx context.Context) (done int, err error) {
	answer, err := c.db.Query(ctx, `SELECT worker, count(*), sum(ok)::bigint, sum(failed)::bigint
		FROM backfill_parts WHERE operation = $1 GROUP BY worker`, c.operation)
	if err != nil {
		return 0, err
	}
	s := bulk.Share{Operation: c.op.Snapshot().ID}
	var parts int
	_, err = pgx.ForEachRow(answer, []any{&s.Worker, &parts, &s.OK, &s.Failed}, func() error {
		done += parts
		return c.op.Merge(s)
	})
	return done, err
}

// look counts the jobs that River has given up. If one takes longer than it may,
// its worker is gone: the leader of River's clients finds that out when it becomes
// leader and then each 30 s, so another one is asked for.
func (c *coordinator) look(ctx context.Context) (lost int, cause string, err error) {
	list := river.NewJobListParams().First(maxParts).Queues(queue).
		States(rivertype.JobStateRunning, rivertype.JobStateDiscarded, rivertype.JobStateCancelled).
		Where("args->>'operation' = @operation", river.NamedArgs{"operation": c.operation})
	found, err := c.client.JobList(ctx, list)
	if err != nil {
		return 0, "", err
	}
	late := false
	for _, job := range found.Jobs {
		if job.State == rivertype.JobStateRunning {
			late = late || job.AttemptedAt != nil && time.Since(*job.AttemptedAt) > c.rescue
			continue
		}
		lost++
		if n := len(job.Errors); n > 0 {
			cause = fmt.Sprintf("%s: %s", job.EncodedArgs, job.Errors[n-1].Error)
		}
	}
	if late && time.Since(c.hurry) > c.rescue {
		c.hurry = time.Now()
		return lost, cause, c.client.Notify().RequestResign(ctx)
	}
	return lost, cause, nil
}

// tell writes what was done, by whom, and how often a partition was done anew.
func (c *coordinator) tell(ctx context.Context, w io.Writer) error {
	if c.op == nil {
		return nil
	}
	s := c.op.Snapshot()
	fmt.Fprintf(w, "documents: %d of %d rows: %d written, %d failed\n", s.Items(), s.Total, s.OK, s.Failed)
	for _, share := range c.op.Shares() {
		fmt.Fprintf(w, "  %-*s %d\n", 12, share.Worker, share.OK+share.Failed)
	}
	var parts, again int
	err := c.db.QueryRow(ctx, `SELECT count(*), count(*) FILTER (WHERE attempt > 1) FROM backfill_parts WHERE operation = $1`,
		c.operation).Scan(&parts, &again)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%d of %d partitions, %d of them after another worker had failed or was lost\n", parts, c.parts, again)
	fmt.Fprintf(w, "%.0f rows/s in %s\n", s.Rate, s.Elapsed.Round(time.Millisecond))
	fmt.Fprintf(w, "what limits it: %s\n", cmp.Or(s.Verdict.Sentence, "nothing is clear here; the workers tell of their parts"))
	return nil
}
