package faults

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

const (
	minimum = 10 * time.Millisecond // the shortest interval that otelmon allows
	short   = 20 * time.Millisecond // the timeout of a check
)

// answers are about what a probe is told.
func answers() []scenario {
	return []scenario{
		{
			name: "a periodic check hangs after it was healthy; timeout given once for all checks", bound: "503",
			run: func(l library) outcome { return stale(l, 0, short) },
		},
		{
			name: "the same; timeout given by the check", bound: "503",
			run: func(l library) outcome { return stale(l, short, 0) },
		},
		{
			name: "an impatient client goes; what the patient one after it is told", bound: "200",
			run: impatient,
		},
		{
			name: "a critical check times out among three that pass: 200 probes", bound: "none answers 200",
			run: timedOut,
		},
		{
			name: "an error quotes a DSN: its password in the default answer", bound: "not in any format",
			run: secret,
		},
	}
}

// stale asks long after the timeout. Whoever executes with each probe has
// nothing that could be stale.
func stale(l library, timeout, shared time.Duration) outcome {
	t := newTrap()
	s := l.open(spec{
		every: minimum, shared: shared,
		checks: []check{{name: "db", do: t.do, timeout: timeout}},
	})
	s.settle()
	close(t.set)
	pause(20 * (short + minimum))
	code := s.code()
	close(t.released)
	s.stop()
	facts := fmt.Sprintf("%d", code)
	if code == http.StatusOK {
		facts += ", as before"
	}
	return outcome{facts, code == http.StatusServiceUnavailable}
}

// impatient has a check that takes a while and heeds its context. The cache of
// a rival is a tenth of what it is by default.
func impatient(l library) outcome {
	const cache = 100 * time.Millisecond
	s := l.open(spec{every: minimum, cache: cache, checks: []check{{
		name: "db", timeout: time.Second,
		do: func(ctx context.Context) error {
			select {
			case <-time.After(short):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
	}}})
	s.settle()
	pause(cache + short)
	ctx, cancel := context.WithTimeout(context.Background(), short/4)
	defer cancel()
	getWith(ctx, s.handler, "/readyz")
	code := s.code()
	s.stop()
	return outcome{fmt.Sprintf("%d", code), code == http.StatusOK}
}

func timedOut(l library) outcome {
	const probes = 200
	t := newTrap()
	close(t.set)
	s := l.open(spec{every: minimum, checks: []check{
		{name: "a", do: pass},
		{name: "b", do: pass},
		{name: "c", do: pass},
		{name: "db", do: t.do, timeout: minimum},
	}})
	passed := 0
	for range probes {
		if s.code() == http.StatusOK {
			passed++
		}
		pause(time.Millisecond)
	}
	close(t.released)
	s.stop()
	return outcome{fmt.Sprintf("%d answer 200", passed), passed == 0}
}

func secret(l library) outcome {
	const password = "s3cret"
	fault := errors.New("dial postgres://app:" + password + "@db.example:5432/orders: connection refused")
	var failed atomic.Int64
	s := l.open(spec{every: minimum, checks: []check{
		{name: "db", do: func(context.Context) error { failed.Add(1); return fault }},
	}})
	await(func() bool { s.probe(); return failed.Load() > 1 }) // the first is known by then
	leaked := false
	for _, accept := range []string{"", "application/json", "application/health+json"} {
		for _, path := range []string{"/readyz", "/readyz?verbose", "/readyz/db?verbose"} {
			leaked = leaked || strings.Contains(getAs(s.handler, path, accept), password)
		}
	}
	s.stop()
	if leaked {
		return outcome{"there", false}
	}
	return outcome{"not there", true}
}
