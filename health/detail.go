package health

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel/attribute"
)

// maxDetails bounds the details of one execution.
const maxDetails = 32

// Detail adds facts to the result of the check that ctx belongs to, such as a
// queue's length or a replica's lag. They show in [Result.Details], in HTTP
// answers that allow details, and on the execution's span, never on a metric.
//
// Of one key the last value stays. An execution keeps 32 details, lists
// become text, text is cut at 1 KiB, and what looks like a password is blanked. Detail may be
// called from several goroutines. It does nothing when ctx belongs to no check
// or the execution is over, as when a hung function finally goes on.
func Detail(ctx context.Context, facts ...attribute.KeyValue) {
	if n, ok := ctx.Value(notesKey{}).(*notes); ok {
		n.add(facts)
	}
}

type notesKey struct{}

// notes collects the details of one execution until it is settled.
type notes struct {
	mu    sync.Mutex
	facts []attribute.KeyValue
}

func (n *notes) add(facts []attribute.KeyValue) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, fact := range facts {
		if len(n.facts) == maxDetails {
			return
		}
		n.facts = append(n.facts, plain(fact))
	}
}

// plain keeps numbers and booleans and turns everything else into redacted text.
func plain(fact attribute.KeyValue) attribute.KeyValue {
	switch fact.Value.Type() {
	case attribute.BOOL, attribute.INT64, attribute.FLOAT64:
		return fact
	default:
		return fact.Key.String(redact(fact.Value.String()))
	}
}

// collected copies what there is; what comes later reaches nobody.
func (n *notes) collected() attribute.Set {
	n.mu.Lock()
	defer n.mu.Unlock()
	return attribute.NewSet(n.facts...)
}
