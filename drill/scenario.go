package drill

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"google.golang.org/grpc/codes"

	"github.com/otelmon/otelmon-go/exporters"
)

// scenario is one fault. play makes telemetry and trouble; what it leaves broken
// stays so.
type scenario struct {
	name, about string
	limits      func(*exporters.Options) // nil for those of the settings
	away        bool                     // the backend stays away, so what waits goes on to
	beyond      bool                     // lies on the way to a backend, so that it is played with a real one too
	play        func(context.Context, *trial) error
}

const (
	some      = 20          // spans and records made at a time
	patience  = time.Second // timeout of an attempt, so that one that hangs takes no longer
	slowness  = patience / 2
	shortly   = 1200 * time.Millisecond
	forAWhile = 3 * time.Second
	ending    = 4 * time.Second  // of a process; a quarter is left for what it counts then, on a busy machine, too
	settling  = 10 * time.Second // for the rest to be delivered when all is well again
)

const nameKilled = "killed"

func scenarios() []scenario {
	return []scenario{
		{name: "healthy", about: "nothing is wrong", beyond: true, play: func(context.Context, *trial) error { return nil }},
		{name: "refused", about: "connections are refused for 3 s", beyond: true, play: during(forAWhile, (*stand).leave)},
		{name: "reset", about: "connections are reset", beyond: true, play: during(shortly, (*stand).reset)},
		{name: "cut", about: "requests are taken, and the answers never come", beyond: true, play: during(0, (*stand).cut)},
		{name: "slow", about: "answers take half a second longer", beyond: true, play: during(shortly, failing(dally))},
		{name: "blackhole", about: "requests are taken and never answered", play: during(shortly, failing(hang))},
		{name: "unavailable", about: "503 with Retry-After", beyond: true, play: during(shortly, failing(refuse(503, codes.Unavailable, time.Second)))},
		{name: "throttled", about: "a storm of 429", beyond: true, play: during(shortly, failing(refuse(429, codes.ResourceExhausted, 0)))},
		{name: "poison", about: "a span with invalid UTF-8 and a log record of 5 MiB", play: poison},
		{name: "rejected", about: "the receiver refuses each request that holds one span", play: rejected},
		{name: "restart", about: "the process ends in an outage, and the next begins", play: restart},
		{name: nameKilled, about: "the process is killed in an outage, and the next begins", play: killed},
		{name: "full", about: "there is next to no room, in an outage", limits: tiny, play: full},
		{name: "gone", about: "the process ends, and the backend is away", away: true, play: func(ctx context.Context, t *trial) error {
			err := t.stand.leave()
			t.produce(ctx, some)
			return err
		}},
	}
}

// failing is a fault of single requests.
func failing(f fault) func(*stand) error {
	return func(s *stand) error {
		s.fail(f)
		return nil
	}
}

// during makes telemetry while something is broken for some time.
func during(lasting time.Duration, breaking func(*stand) error) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		if err := breaking(t.stand); err != nil {
			return err
		}
		t.produce(ctx, some)
		rest(ctx, lasting)
		return t.stand.heal(ctx)
	}
}

func poison(ctx context.Context, t *trial) error {
	t.span(ctx, attribute.String("path", "caf\xe9"))
	t.record(ctx, strings.Repeat("x", 5<<20))
	t.produce(ctx, some)
	return nil
}

func rejected(ctx context.Context, t *trial) error {
	t.stand.fail(refuse(503, codes.Unavailable, 0)) // until it is known what to refuse
	bad := t.span(ctx)
	t.stand.fail(func(w answering, r request) bool {
		return r.signal == exporters.Traces && slices.Contains(r.ids, bad) && refuse(400, codes.InvalidArgument, 0)(w, r)
	})
	t.produce(ctx, some)
	return nil
}

func restart(ctx context.Context, t *trial) error {
	if err := t.stand.leave(); err != nil {
		return err
	}
	t.produce(ctx, some)
	t.end(ctx)
	if err := t.begin(ctx); err != nil {
		return err
	}
	t.produce(ctx, some)
	return t.stand.heal(ctx)
}

func killed(ctx context.Context, t *trial) error {
	t.end(ctx)
	if err := t.stand.leave(); err != nil {
		return err
	}
	if err := t.kill(ctx); err != nil {
		return err
	}
	if err := t.begin(ctx); err != nil {
		return err
	}
	t.produce(ctx, some)
	return t.stand.heal(ctx)
}

func tiny(o *exporters.Options) { o.MaxBytes, o.MaxMemory = 64<<10, 64<<10 }

func full(ctx context.Context, t *trial) error {
	if err := t.stand.leave(); err != nil {
		return err
	}
	for range 30 {
		noise := make([]byte, 0, 2600)
		for len(noise) < 2600 { // which compression makes no smaller
			noise = append(noise, rand.Text()...)
		}
		for range 4 {
			t.span(ctx, attribute.String("noise", string(noise)))
		}
		t.produce(ctx, 1)
		_ = t.box.Flush(ctx) // so that they are written; they cannot be sent
	}
	return t.stand.heal(ctx)
}

// result plays the scenario and compares the numbers.
func (s scenario) result(ctx context.Context, c course) Result {
	r := Result{Name: s.name, About: s.about, Verdict: OK}
	if s.limits != nil {
		s.limits(&c.outbox)
	}
	t, err := newTrial(ctx, s.name, c)
	if err == nil {
		t.produce(ctx, some)
		_ = t.box.Flush(ctx)
		err = s.play(ctx, t)
		if t.box != nil { // else a process did not start again
			if !s.away {
				r.Reasons = t.settle(ctx)
			}
			t.end(ctx)
		}
		t.stand.close()
		r.Accounts = t.accounts()
	}
	if err != nil {
		r.Reasons = append(r.Reasons, fmt.Sprintf("the drill itself: %v", err))
	}
	for _, a := range r.Accounts {
		r.Reasons = append(r.Reasons, a.check()...)
	}
	if len(r.Reasons) > 0 {
		r.Verdict = Failed
	}
	return r
}

func rest(ctx context.Context, wait time.Duration) {
	select {
	case <-time.After(wait):
	case <-ctx.Done():
	}
}
