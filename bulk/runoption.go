package bulk

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// runConfig is what the options for [Run] say.
type runConfig struct {
	workers, batch Limits
	maxBytes       int
	maxAge         time.Duration
	size, key      any // func(T) int and func(T) string; only Run knows T
	retry          int
	budget         float64
	rate           float64 // 0 is no limit
	limited        bool    // Rate was given
	store          CheckpointStore
	job            string
	every          time.Duration
	backend        *Backend
}

func runDefaults() runConfig {
	return runConfig{
		workers: Auto(1, 64), batch: Limits{1, 1}, maxBytes: math.MaxInt, maxAge: time.Second,
		every: time.Second,
	}
}

// Limits are the bounds of a setting that [Run] finds by itself. Make them with
// [Auto].
type Limits struct{ least, most int }

// Auto lets [Run] look for the best value from least to most, both included and
// above zero.
func Auto(least, most int) Limits { return Limits{least, most} }

func limitsOf[L int | Limits](l L) Limits {
	if n, fixed := any(l).(int); fixed {
		return Limits{n, n}
	}
	return any(l).(Limits)
}

func (l Limits) auto() bool { return l.least < l.most }

func (l Limits) check(option string) error {
	switch {
	case l.least <= 0:
		return fmt.Errorf("bulk.%s: %d is not above zero", option, l.least)
	case l.least > l.most:
		return fmt.Errorf("bulk.%s: the least of %d is more than the most of %d", option, l.least, l.most)
	}
	return nil
}

type runOption func(*runConfig)

func (f runOption) apply(c *config) { f(&c.run) }

// Workers is an [Option] of [Run]: how many batches are in the works at once, a
// number or [Auto]. The default is Auto(1, 64). A number turns the search off.
func Workers[L int | Limits](n L) Option {
	return runOption(func(c *runConfig) { c.workers = limitsOf(n) })
}

// Batch is an [Option] of [Run]: how many items a batch has at most, a number or
// [Auto]. The default is 1. Batches are smaller where [MaxBytes] or [MaxAge] say
// so, after failures, and at the end.
func Batch[L int | Limits](n L) Option {
	return runOption(func(c *runConfig) { c.batch = limitsOf(n) })
}

// MaxBytes is an [Option] of [Run]: a batch has at most n bytes, as told by
// size, and twice as many wait for their turn. An item that has more is a batch
// of its own. Without it, items are not measured. size is called once an item,
// by the goroutine that reads the source.
func MaxBytes[T any](n int, size func(T) int) Option {
	return runOption(func(c *runConfig) { c.maxBytes, c.size = n, size })
}

// MaxAge is an [Option] of [Run]: how long items wait for their batch to fill.
// The default is a second.
type MaxAge time.Duration

func (d MaxAge) apply(c *config) { c.run.maxAge = time.Duration(d) }

// Key is an [Option] of [Run] that keeps the order of items with the same key:
// one of them is given to the function only when all before it were processed,
// or have failed for good. So a batch never has two of them. key is called once
// an item, by the goroutine that reads the source.
func Key[T any](key func(T) string) Option {
	return runOption(func(c *runConfig) { c.key = key })
}

// Retry is an [Option] of [Run]: how many times an item that failed is tried
// again, after a pause that doubles from 100 ms to 30 s, less up to a half by
// chance. The default is 0, since not every function may be repeated. A batch
// that failed as a whole is tried again in two halves, so that one bad item does
// not fail many good ones. What is [Permanent] is not tried again.
type Retry int

func (n Retry) apply(c *config) { c.run.retry = int(n) }

// ErrorBudget is an [Option] of [Run]: the share of items, from 0 to 1, that may
// fail for good. When more have, the run ends with [ErrBudget]. It is the share
// of [Total], or without that of the items processed and at least a thousand.
// The default is 0: the first failure ends the run.
type ErrorBudget float64

func (b ErrorBudget) apply(c *config) { c.run.budget = float64(b) }

// Rate is an [Option] of [Run]: how many items per second are given to the
// function at most, those tried again included. By default there is no limit.
type Rate float64

func (n Rate) apply(c *config) { c.run.rate, c.run.limited = float64(n), true }

// Checkpoint is an [Option] of [Run] that keeps in store how far the job is, so
// that a run of the same job goes on where one before it ended or was killed.
// It skips what is done, with the reason "checkpoint", and repeats what was in
// the works and what was done since the last save: see [CheckpointEvery]. The
// source must give the same items in the same order. A job that is complete
// stays so; what begins anew needs another name.
//
// Only one run of a job may be under way at a time. The error of the first load
// and that of the last save are errors of the run; others go to OpenTelemetry's
// error handler, and the next save tries again.
func Checkpoint(store CheckpointStore, job string) Option {
	return runOption(func(c *runConfig) { c.store, c.job = store, job })
}

// CheckpointEvery is an [Option] of [Run]: the time between two saves. The
// default is a second.
type CheckpointEvery time.Duration

func (d CheckpointEvery) apply(c *config) { c.run.every = time.Duration(d) }

// check returns all that is wrong with the options.
func (c *runConfig) check() error {
	faults := []error{c.workers.check("Workers"), c.batch.check("Batch")}
	fault := func(is bool, format string, args ...any) {
		if is {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(c.maxBytes <= 0, "bulk.MaxBytes: %d is not above zero", c.maxBytes)
	fault(c.maxAge <= 0, "bulk.MaxAge: %s is not above zero", c.maxAge)
	fault(c.retry < 0, "bulk.Retry: %d is below zero", c.retry)
	fault(!(c.budget >= 0 && c.budget <= 1), "bulk.ErrorBudget: %v is not from 0 to 1", c.budget)
	fault(c.limited && !(c.rate > 0), "bulk.Rate: %v is not above zero", c.rate)
	fault(c.every <= 0, "bulk.CheckpointEvery: %s is not above zero", c.every)
	fault(c.job != "" && c.store == nil, "bulk.Checkpoint: the store of job %q is nil", c.job)
	fault(c.job == "" && c.store != nil, "bulk.Checkpoint: the job has no name")
	fault(c.backend != nil && c.batch.auto(), "bulk.Batch: with a Backend that is shared it must be a number")
	return errors.Join(faults...)
}

// itemFunc returns the function that an option was given for items, or nil.
func itemFunc[T, R any](option string, given any) (func(T) R, error) {
	f, right := given.(func(T) R)
	switch {
	case given == nil:
		return nil, nil
	case !right:
		return nil, fmt.Errorf("bulk.%s: %T is not for items of type %T", option, given, *new(T))
	case f == nil:
		return nil, fmt.Errorf("bulk.%s: the function is nil", option)
	}
	return f, nil
}
