package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"

	"github.com/otelmon/otelmon-go/bulk"
)

// parts are the parts that this process has in operations, one in each.
type parts struct {
	db     *pgxpool.Pool
	name   string
	stderr io.Writer

	ctx     context.Context //nolint:containedctx // of the process: a part outlives the job that began it
	stop    context.CancelFunc
	waiting sync.WaitGroup // for the end of operations

	mu   sync.Mutex
	open map[string]*part // by the operation's id
}

type part struct {
	*bulk.Operation
	busy sync.WaitGroup
}

func joinParts(ctx context.Context, db *pgxpool.Pool, name string, stderr io.Writer) *parts {
	ctx, stop := context.WithCancel(ctx)
	return &parts{db: db, name: name, stderr: stderr, ctx: ctx, stop: stop, open: make(map[string]*part)}
}

// enter joins the partition's operation unless that was done. The part does not
// end before leave is called.
func (p *parts) enter(args partition) (op *bulk.Operation, leave func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	own, ok := p.open[args.Operation]
	if !ok {
		ctx := otel.GetTextMapPropagator().Extract(p.ctx, propagation.MapCarrier(args.Invitation))
		own = new(part)
		_, own.Operation = bulk.Join(ctx, operationName, p.name)
		p.open[args.Operation] = own
		p.waiting.Go(func() { p.wait(args.Operation, own) })
	}
	own.busy.Add(1)
	return own.Operation, own.busy.Done
}

// wait ends the part when the operation has ended, or this process does.
func (p *parts) wait(operation string, own *part) {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for ended := false; !ended && p.ctx.Err() == nil; {
		select {
		case <-p.ctx.Done():
		case <-tick.C:
			// An error is that of a database which the jobs need as well: they tell.
			_ = p.db.QueryRow(p.ctx, `SELECT ended IS NOT NULL FROM backfills WHERE operation = $1`, operation).Scan(&ended)
		}
	}
	p.mu.Lock()
	delete(p.open, operation)
	p.mu.Unlock()
	own.busy.Wait() // what a job has committed it has yet to count
	err := p.ctx.Err()
	own.End(&err)
	s := own.Snapshot()
	fmt.Fprintf(p.stderr, "worker %s, %s: %d rows written, %d failed; what limits it: %s\n",
		p.name, s.Result, s.OK, s.Failed, cmp.Or(s.Verdict.Sentence, "nothing is clear"))
}

// leave ends all parts. No job may run any more.
func (p *parts) leave() {
	p.stop()
	p.waiting.Wait()
}
