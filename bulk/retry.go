package bulk

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// ItemErrors is the error of a function that could process only a part of its
// batch: the items it lists have failed, all others are done. Without any it
// means that all are done.
type ItemErrors []ItemError

// ItemError says which item of a batch has failed, and why. An Index that the
// batch does not have fails the whole batch, and so does an Err that is nil.
type ItemError struct {
	Index int
	Err   error
}

// Error tells how many items failed, and the first error.
func (e ItemErrors) Error() string {
	if len(e) == 0 {
		return "no item failed"
	}
	return fmt.Sprintf("%d items of the batch failed, the first: %v", len(e), e[0].Err)
}

// Unwrap returns the errors of the items.
func (e ItemErrors) Unwrap() []error {
	errs := make([]error, len(e))
	for i := range e {
		errs[i] = e[i].Err
	}
	return errs
}

// each spreads the error of a batch over its n items. whole tells that it is
// not known which of them it is about.
func each(err error, n int) (errs []error, whole bool) {
	errs = make([]error, n)
	if parts, ok := errors.AsType[ItemErrors](err); ok {
		for _, p := range parts {
			if p.Index < 0 || p.Index >= n || p.Err == nil {
				err = fmt.Errorf("bulk.ItemErrors: item %d of %d: %w", p.Index, n, errors.Join(errWrong, p.Err))
				return all(errs, err), true
			}
			errs[p.Index] = p.Err
		}
		return errs, false
	}
	return all(errs, err), err != nil
}

var errWrong = errors.New("no such item, or no error")

func all(errs []error, err error) []error {
	for i := range errs {
		errs[i] = err
	}
	return errs
}

const (
	firstPause = 100 * time.Millisecond
	lastPause  = 30 * time.Second
)

// backoff is the pause before the nth try again, from 1 on.
func backoff(n int) time.Duration {
	d := lastPause
	if n < 10 {
		d = min(d, firstPause<<(n-1))
	}
	return d - time.Duration(rand.Float64()*float64(d/2))
}
