package healthtest

import (
	"context"
	"errors"
	"slices"
	"testing"
)

// A Subject is a checker with a dependency that works, and the means to change
// that. Check and Break are required. The functions are called one at a time,
// except for Check.
type Subject struct {
	// Check is what would be health.Check.Func.
	Check func(ctx context.Context) error

	// Break makes the dependency fail. From its return on Check is expected to
	// return an error, health.Degraded or not. It is called once at most.
	Break func()

	// Repair makes it work again, after Break or Hang. Check is given 10 s to
	// notice, since clients wait before they connect anew. Nil: can't be
	// repaired; then a check that ignores its context may keep the test waiting.
	Repair func()

	// Hang makes the dependency take a call and not answer it, until Repair. Nil:
	// that it obeys its context is not verified.
	Hang func()

	// Connections returns how many connections have been opened so far:
	// [CountingListener.Accepted], or what a client counts itself. Nil: not
	// verified, as it must be for a checker whose purpose is to connect.
	Connections func() int

	// Secrets are texts that no error may contain, such as the password that the
	// checker connects with. None: not verified.
	Secrets []string
}

func (s *Subject) validate() error {
	var errs []error
	require := func(ok bool, fault string) {
		if !ok {
			errs = append(errs, errors.New("healthtest: Subject."+fault))
		}
	}
	require(s.Check != nil, "Check is nil")
	require(s.Break != nil, "Break is nil")
	require(!slices.Contains(s.Secrets, ""), "Secrets has an empty text")
	return errors.Join(errs...)
}

// Run verifies a checker, each property in a subtest. start is called for each of
// them, and returns a subject whose dependency works; t.Cleanup is the place to
// stop it. Run is not for use within testing/synctest, as it has subtests.
func Run(t *testing.T, start func(t *testing.T) Subject) {
	t.Helper()
	for _, p := range properties() {
		t.Run(p.name, func(t *testing.T) {
			subject := start(t)
			if err := subject.validate(); err != nil {
				t.Fatal(err)
			}
			err := p.holds(&trial{subject})
			if cause, ok := errors.AsType[missing](err); ok {
				t.Skip(cause)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}
