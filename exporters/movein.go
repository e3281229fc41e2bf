package exporters

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const ledgerName = "ledger"

// moveIn opens the directory, books what an earlier process left and goes on with
// its ledger. If it fails, nothing has changed, and it may be tried again.
func (b *Outbox) moveIn() error {
	d, err := openDisk(b.options, b.find) // finds the directory safe
	if err != nil {
		return err
	}
	past, err := ledgerIn(b.options.Dir)
	if err != nil {
		return errors.Join(err, d.log.Close())
	}
	u, left, err := b.openUnfinished()
	if err == nil && !past.arrange(b.to) {
		err = fmt.Errorf("%s is full of destinations of the past; delete it", filepath.Join(b.options.Dir, ledgerName))
	}
	if err != nil {
		return errors.Join(err, past.close(), d.log.Close())
	}
	b.bookEarly(past)
	for _, to := range b.to {
		for s := range Signal(signals) {
			reconcile(to, s, d)
			to.base[s] = to.past.losses(s)
		}
	}
	d.id = past.origin()
	b.ledger.adopt(past)
	b.refused.keepIn(filepath.Join(b.options.Dir, "quarantine"))
	b.disk.Store(d)
	b.unfinished.Store(u)
	u.send(left)
	return nil
}

// moveInLater tries until the disk is in order, or ctx is done.
func (b *Outbox) moveInLater(ctx context.Context) {
	for rest(ctx, diskPause); ctx.Err() == nil; rest(ctx, diskPause) {
		if err := b.moveIn(); err != nil {
			b.diskFailed(err)
			continue
		}
		b.diskWorks()
		b.drain(ctx, b.disk.Load())
		return
	}
}

// find books a loss that the directory tells of, in the directory's ledger. That
// may not be open yet.
func (b *Outbox) find(destination int, s Signal, r Reason, items int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if past := b.to[destination].past; past != nil {
		past.dropped(s, r).Add(items)
		return
	}
	b.early = append(b.early, loss{destination, s, r, items})
}

func (b *Outbox) bookEarly(past *ledger) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range b.to {
		d.past = past.account(d.name)
	}
	for _, l := range b.early {
		b.to[l.destination].past.dropped(l.signal, l.reason).Add(l.items)
	}
	b.early = nil
}

// reconcile brings the account of an earlier process together with what is on
// the disk.
func reconcile(to *destination, s Signal, d *disk) {
	for _, l := range s.lanes() {
		if seq := to.past.unmarked(l, unmarkedSeq).Load(); seq > 0 && d.holds(to.index, l, uint64(seq)) { //nolint:gosec // above 0
			to.past.takeBack(l)
		}
		to.past.marked(l)
	}
	to.past.reconcile(s, waiting(to.index, s, d).items)
}

func ledgerIn(dir string) (*ledger, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	l, err := openLedger(root, ledgerName)
	return l, errors.Join(err, root.Close())
}
