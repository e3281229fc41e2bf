package health

import (
	"context"
	"regexp"
	"sync"

	"go.opentelemetry.io/otel/attribute"
)

// maxDetails bounds the details of one execution.
const maxDetails = 32

// Detail adds facts to the result of the check that ctx belongs to, such as a
// queue's length or a replica's lag. They show in [Result.Details], in HTTP
// answers that allow details, and on the execution's span, never on a metric.
//
// Of one key the last value stays. An execution keeps 32 details, lists and
// maps become text, and text is cut at 1 KiB. What looks like a password within
// text is blanked, and so is every value whose key has the word pass or contains
// password, passwd, pwd, passphrase, secret, token, auth, credential, session,
// cookie, jwt, bearer, dsn, connection string, or api, access, private, signing
// or encryption key, in any case and with any separator.
//
// Detail may be called from several goroutines. It does nothing when ctx belongs
// to no check or the execution is over, as when a hung function finally goes on.
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

// secretKey leans towards too much: a blanked author is found and renamed, a
// password that was shown is found by somebody else.
var secretKey = regexp.MustCompile(`(?i)passw(or)?d|(^|[^a-z])pass([^a-z]|$)|pwd|passphrase|secret|token|auth|credential|session|cookie|jwt|bearer|dsn|` +
	`conn(ection)?[^a-z0-9]*str(ing)?|(api|access|private|signing|encryption)[^a-z0-9]*key`)

func isSecret(key string) bool { return secretKey.MatchString(key) }

// plain keeps numbers and booleans, turns everything else into redacted text,
// and blanks what the key calls a secret.
func plain(fact attribute.KeyValue) attribute.KeyValue {
	value := blanked(fact).Value
	switch value.Type() {
	case attribute.BOOL, attribute.INT64, attribute.FLOAT64:
		return fact
	default:
		return fact.Key.String(redact(value.String()))
	}
}

// blanked looks into maps, too, which have keys of their own.
func blanked(fact attribute.KeyValue) attribute.KeyValue {
	if isSecret(string(fact.Key)) {
		return fact.Key.String("***")
	}
	switch fact.Value.Type() {
	case attribute.MAP:
		inner := fact.Value.AsMap()
		for i := range inner {
			inner[i] = blanked(inner[i])
		}
		fact.Value = attribute.MapValue(inner...)
	case attribute.SLICE:
		inner := fact.Value.AsSlice()
		for i := range inner {
			inner[i] = blanked(attribute.KeyValue{Value: inner[i]}).Value
		}
		fact.Value = attribute.SliceValue(inner...)
	default:
	}
	return fact
}

// collected copies what there is; what comes later reaches nobody.
func (n *notes) collected() attribute.Set {
	n.mu.Lock()
	defer n.mu.Unlock()
	return attribute.NewSet(n.facts...)
}
