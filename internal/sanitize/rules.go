// Package sanitize keeps secrets and huge values out of telemetry. It looks at
// attributes and texts and knows nothing of spans, metrics and log records.
//
// A value is replaced by [Redacted] when its key names a secret ("db.password",
// "X-Api-Key"), and the parts of a text that are one whatever they belong to:
// tokens of known form, private keys, credentials in URLs and data source
// names, what is assigned to the name of a secret ("password=…", "sig=…" in a
// query). Keys stay as they are. A value that is too long is cut and says so.
//
// It is a net for accidents. What nothing marks as a secret it cannot know, such
// as a literal in SQL, where even the quotes differ between databases.
package sanitize

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
)

const (
	// Redacted stands where a secret stood.
	Redacted = "[redacted]"

	defaultMax = 16 << 10
	minMax     = 64 // a cut value has room for the mark
)

// Options extend the rules. The zero Options are the defaults.
type Options struct {
	// Keys are further names of secrets. Like the built-in ones they match a part
	// of a key, whatever its case and separators: "iban" matches "customer.IBAN".
	Keys []string
	// Allow lists the only keys whose values are kept; one that ends in "*" stands
	// for all that begin so. The values of allowed keys are looked at as ever.
	// Empty means that every key is allowed. service.* and telemetry.* always are.
	Allow []string
	// MaxValue is how many bytes of text a value may have, at least 64. 0 means
	// 16 KiB.
	MaxValue int
}

// Rules say which attributes and texts are kept, cut and redacted. They are safe
// for concurrent use. The zero Rules are the defaults; do not copy them.
type Rules struct {
	options Options
	once    sync.Once
	terms   *terms
	allowed []string

	mu    sync.Mutex // of writers; known is replaced, never changed
	known atomic.Pointer[map[attribute.Key]verdict]
}

// New returns the rules with these options.
func New(options Options) *Rules { return &Rules{options: options} }

func (r *Rules) ready() { r.once.Do(r.build) }

func (r *Rules) build() {
	r.terms = newTerms(r.options.Keys)
	for _, key := range r.options.Allow {
		if key = strings.TrimSpace(key); key != "" {
			r.allowed = append(r.allowed, key)
		}
	}
	if len(r.allowed) > 0 {
		r.allowed = append(r.allowed, "service.*", "telemetry.*")
	}
	r.known.Store(&map[attribute.Key]verdict{})
}

// max is the bound of a value in bytes.
func (r *Rules) max() int {
	if r.options.MaxValue == 0 {
		return defaultMax
	}
	return max(r.options.MaxValue, minMax)
}

// verdict is what is known of a key.
type verdict struct{ secret, unlisted bool }

const (
	maxKnown    = 1000 // keys; a program that makes up keys pays, not the heap
	maxKnownKey = 128
)

// verdict remembers, because to judge a key costs ten times as much.
func (r *Rules) verdict(key attribute.Key) verdict {
	r.ready()
	if v, ok := (*r.known.Load())[key]; ok {
		return v
	}
	return r.learn(key)
}

func (r *Rules) learn(key attribute.Key) verdict {
	v := verdict{
		secret:   !isConvention(key) && key != markKey && r.terms.judge(string(key)) != nil,
		unlisted: len(r.allowed) > 0 && !slices.ContainsFunc(r.allowed, func(a string) bool { return covers(a, string(key)) }),
	}
	if len(key) > maxKnownKey {
		return v
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := *r.known.Load(); len(known) < maxKnown {
		known = maps.Clone(known)
		known[attribute.Key(strings.Clone(string(key)))] = v
		r.known.Store(&known)
	}
	return v
}

func covers(allowed, key string) bool {
	if beginning, ok := strings.CutSuffix(allowed, "*"); ok {
		return strings.HasPrefix(key, beginning)
	}
	return allowed == key
}

// Attribute returns a with what must not leave the process taken out of its
// value, and whether anything was.
func (r *Rules) Attribute(a attribute.KeyValue) (attribute.KeyValue, bool) {
	if r.verdict(a.Key) != (verdict{}) {
		return r.with(a, hide)
	}
	return r.with(a, r.Value)
}

// Label is as [Rules.Attribute] for the attributes of a metric's data point.
// Options.Allow does not hold for them: series that become alike by it would be
// wrong numbers. A view is what leaves attributes of metrics out.
func (r *Rules) Label(a attribute.KeyValue) (attribute.KeyValue, bool) {
	if r.verdict(a.Key).secret {
		return r.with(a, hide)
	}
	return r.with(a, r.Value)
}

func (r *Rules) with(a attribute.KeyValue, do func(attribute.Value) (attribute.Value, bool)) (attribute.KeyValue, bool) {
	value, changed := do(a.Value)
	key := a.Key
	if len(key) > r.max() {
		key, changed = attribute.Key(cutText(string(key), r.max())), true
	}
	if !changed {
		return a, false
	}
	return attribute.KeyValue{Key: key, Value: value}, true
}

// hide keeps what cannot be a secret: a boolean says that there is one.
func hide(v attribute.Value) (attribute.Value, bool) {
	switch t := v.Type(); {
	case t == attribute.EMPTY, t == attribute.BOOL:
		return v, false
	case t == attribute.STRING && (v.AsString() == Redacted || v.AsString() == ""):
		return v, false
	}
	return attribute.StringValue(Redacted), true
}

// Attributes applies [Rules.Attribute] to all. It returns attrs itself when
// nothing changes, and a new slice otherwise.
func (r *Rules) Attributes(attrs []attribute.KeyValue) []attribute.KeyValue {
	for i := range attrs {
		if !r.Clean(&attrs[i]) {
			attrs, _ = Each(attrs, r.Attribute)
			return attrs
		}
	}
	return attrs
}

// Clean knows at once most of what [Rules.Attribute] leaves as it is.
func (r *Rules) Clean(a *attribute.KeyValue) bool {
	switch a.Value.Type() {
	case attribute.STRING:
		text := a.Value.AsString()
		if len(text) > r.max() {
			return false
		}
		if _, end := r.find(text, 0); end > 0 {
			return false
		}
	case attribute.BOOL, attribute.INT64, attribute.FLOAT64, attribute.EMPTY:
	default:
		return false
	}
	return len(a.Key) <= r.max() && r.verdict(a.Key) == verdict{}
}

// Value is as [Rules.Attribute] for a value without a key, such as the body of a
// log record.
func (r *Rules) Value(v attribute.Value) (attribute.Value, bool) {
	redone := false
	switch v.Type() {
	case attribute.STRING:
		text, done := v.AsString(), ""
		if done, redone = r.text(text); redone {
			v = attribute.StringValue(done)
		}
		return v, redone
	case attribute.BYTESLICE:
		text, done := v.AsString(), "" // which copies nothing
		if done, redone = r.text(text); redone {
			v = attribute.ByteSliceValue([]byte(done))
		}
		return v, redone
	case attribute.BOOL, attribute.INT64, attribute.FLOAT64, attribute.EMPTY:
		return v, false
	case attribute.STRINGSLICE:
		var all []string
		if all, redone = Each(v.AsStringSlice(), r.text); redone {
			v = attribute.StringSliceValue(all)
		}
	case attribute.SLICE:
		var all []attribute.Value
		if all, redone = Each(v.AsSlice(), r.Value); redone {
			v = attribute.SliceValue(all...)
		}
	case attribute.MAP:
		var all []attribute.KeyValue
		if all, redone = Each(v.AsMap(), r.Label); redone {
			v = attribute.MapValue(all...)
		}
	}
	if r.fits(v) {
		return v, redone
	}
	return cutValue(v, r.max()), true
}

// Text is as [Rules.Attribute] for a message or a name. Text without secrets
// comes back as it is.
func (r *Rules) Text(text string) string { return r.TextWithin(text, r.max()) }

// TextWithin is Text with a limit of its own, in bytes and at least 64.
func (r *Rules) TextWithin(text string, limit int) string {
	if len(text) <= limit+maxSecret {
		beginning, mark := splitMark(text)
		if done, _ := r.redact(beginning, len(beginning)); done != beginning {
			text = done + mark
		}
		return shorten(text, limit, 0)
	}
	// What the cut would sever is recognised whole. What is behind the cut stays
	// out even if redacting has made room, as its end was not looked at.
	keep := limit
	for keep > limit-utf8.UTFMax && !utf8.RuneStart(text[keep]) {
		keep--
	}
	done, at := r.redact(text[:limit+maxSecret], keep)
	return shorten(done, limit, len(text)-at)
}

func (r *Rules) text(text string) (string, bool) {
	done := r.Text(text)
	return done, done != text
}

// Each applies do to all and returns all itself when nothing changed, and a new
// slice otherwise.
func Each[E any](all []E, do func(E) (E, bool)) ([]E, bool) {
	changed := false
	for i, e := range all {
		done, redone := do(e)
		if !redone {
			continue
		}
		if !changed {
			all, changed = slices.Clone(all), true
		}
		all[i] = done
	}
	return all, changed
}
