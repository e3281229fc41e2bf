package healthtest

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	repeats    = 10                    // enough to tell what grows from what is kept
	impatience = 20 * time.Millisecond // of a caller whose check hangs: long enough to be in the middle of it
)

// A property is something that holds for every good checker.
type property struct {
	name  string
	holds func(*trial) error
}

func properties() []property {
	return []property{
		{"passes", passes},
		{"fails when broken", failsWhenBroken},
		{"returns if its context has ended", returnsIfEnded},
		{"returns when its context ends", returnsWhenEnding},
		{"runs several times at once", runsAtOnce},
		{"leaves no goroutine", leavesNothing},
		{"leaves no goroutine when broken", leavesNothingBroken},
		{"leaves no goroutine without an answer", leavesNothingHanging},
		{"uses its connection again", reconnectsNever},
	}
}

// missing is the field of the subject without which a property can't be verified.
type missing string

// Error implements error.
func (m missing) Error() string { return "not verified: Subject." + string(m) + " is nil" }

func passes(tr *trial) error {
	for range 3 {
		if err := tr.pass(); err != nil {
			return err
		}
	}
	return nil
}

func failsWhenBroken(tr *trial) error {
	if err := tr.pass(); err != nil {
		return err
	}
	tr.Break()
	for range 3 {
		switch found, fault := tr.call(); {
		case fault != nil:
			return fault
		case found == nil:
			return errors.New("the check passes although its dependency is broken: a failure is swallowed, or an old answer repeated")
		}
	}
	if tr.Repair == nil {
		return nil
	}
	tr.Repair()
	return eventually(tr.pass)
}

// returnsIfEnded doesn't mind the result: who has not asked can't be told wrong.
func returnsIfEnded(tr *trial) error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, fault := tr.callWith(ctx)
	return fault
}

func returnsWhenEnding(tr *trial) error {
	if tr.Hang == nil {
		return missing("Hang")
	}
	tr.Hang()
	defer tr.release()
	if err := unanswered(tr.hurried()); err != nil {
		return fmt.Errorf("the context reached its deadline: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer time.AfterFunc(impatience, cancel).Stop()
	if err := unanswered(tr.callWith(ctx)); err != nil {
		return fmt.Errorf("the context was cancelled: %w", err)
	}
	return nil
}

func unanswered(found, fault error) error {
	if found == nil && fault == nil {
		return errors.New("the check passes although its dependency has not answered")
	}
	return fault
}

func runsAtOnce(tr *trial) error {
	if err := together(tr.pass); err != nil {
		return err
	}
	if err := together(func() error { return returnsIfEnded(tr) }); err != nil {
		return err
	}
	tr.Break()
	return together(func() error {
		_, fault := tr.call()
		return fault
	})
}

func leavesNothingBroken(tr *trial) error {
	tr.Break()
	return leavesNothing(tr)
}

func leavesNothingHanging(tr *trial) error {
	if tr.Hang == nil {
		return missing("Hang")
	}
	tr.Hang()
	defer tr.release()
	return leavesNothing(tr)
}

func leavesNothing(tr *trial) error {
	before := 0
	for run := range 3 + repeats {
		if run == 3 { // the first ones may open what is kept
			before, _ = tr.goroutines()
		}
		if _, fault := tr.hurried(); fault != nil {
			return fault
		}
	}
	return eventually(func() error {
		after, where := tr.goroutines()
		if grown := after - before; grown >= repeats/2 {
			return fmt.Errorf("%d runs have left %d goroutines behind, most of them here:\n%s", repeats, grown, where)
		}
		return nil
	})
}

func reconnectsNever(tr *trial) error {
	if tr.Connections == nil {
		return missing("Connections")
	}
	before := 0
	for run := range 1 + repeats {
		if err := tr.pass(); err != nil {
			return err
		}
		if run == 0 {
			before = tr.Connections()
		}
	}
	if opened := tr.Connections() - before; opened > 0 {
		return fmt.Errorf("%d runs have opened %d further connections: keep the first one, or use the application's", repeats, opened)
	}
	return nil
}
