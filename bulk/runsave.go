package bulk

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
)

// resume loads where to begin.
func (r *runner[T]) resume() error {
	if r.store == nil {
		return nil
	}
	var state []byte
	err := contain(func() (err error) {
		state, err = r.store.Load(r.ctx, r.job)
		return err
	})
	if err == nil {
		r.resumed, err = parseProgress(state)
	}
	if err != nil {
		return fmt.Errorf("load the checkpoint of job %q: %w", r.job, err)
	}
	return nil
}

// state is what a checkpoint says now. What this run has not come to yet is as
// in the one that it began with. The caller holds mu.
func (r *runner[T]) state() progress {
	open := append([]int64(nil), r.abandoned...)
	open = r.open(open)
	for b := range r.working {
		open = positions(open, b.entries)
	}
	p := progressOf(max(r.spot, r.resumed.Read), open)
	for _, o := range r.resumed.Open {
		if o[0] = max(o[0], r.spot); o[0] < o[1] {
			p.add(o)
		}
	}
	return p
}

// save writes a checkpoint. Its context is not canceled with the run.
func (r *runner[T]) save() error {
	r.mu.Lock()
	p := r.state()
	r.mu.Unlock()
	state, err := json.Marshal(p)
	if err == nil {
		err = contain(func() error { return r.store.Save(context.WithoutCancel(r.ctx), r.job, state) })
	}
	if err != nil {
		return fmt.Errorf("save the checkpoint of job %q: %w", r.job, err)
	}
	return nil
}

func (r *runner[T]) saveLast() error {
	if r.store == nil {
		return nil
	}
	return r.save()
}

// startSaving saves checkpoints until stop is called.
func (r *runner[T]) startSaving() (stop func()) {
	if r.store == nil {
		return func() {}
	}
	quit := make(chan struct{})
	var saving sync.WaitGroup
	saving.Go(func() {
		ticker := time.NewTicker(r.every)
		defer ticker.Stop()
		for {
			select {
			case <-quit:
				return
			case <-ticker.C:
				if err := r.save(); err != nil {
					otel.Handle(err)
				}
			}
		}
	})
	return func() {
		close(quit)
		saving.Wait()
	}
}
