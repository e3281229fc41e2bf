package bulk

import "errors"

// Permanent says that err is final for its item: another try would fail the same
// way. [Run] does not try it again, whatever [Retry] allows, and counts it as
// failed like any other, within the [ErrorBudget]. As the error of a batch it is
// that of all its items; where only some of them are bad, use [ItemErrors], or
// leave it plain and let the halves of the batch tell.
//
// From a source of [Run2] it is an item that could not be read: it counts as
// failed, and reading goes on. Permanent of nil is nil; [errors.Is] and
// [errors.As] see err itself.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanent{err}
}

// Stop says that going on is of no use, because the backend is broken or the
// disk is full: [Run] calls the function no more, waits for the calls under way,
// saves its [Checkpoint] and returns err. No item that fails with it, or in a call
// that was under way, counts as failed; a run that goes on from the checkpoint
// does them again. What a call reports as done is done. Stop of nil is nil;
// [errors.Is] and [errors.As] see err itself.
func Stop(err error) error {
	if err == nil {
		return nil
	}
	return &stop{err}
}

type permanent struct{ error }

func (p *permanent) Unwrap() error { return p.error }

type stop struct{ error }

func (s *stop) Unwrap() error { return s.error }

// marked tells whether err, or what it wraps, is of a type.
func marked[E error](err error) bool {
	_, is := errors.AsType[E](err)
	return is
}
