package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelmon/otelmon-go/internal/sanitize"
)

// secrets are the rules of the exporters, with the names that OTELMON_REDACT_KEYS
// adds. They are made when the first text comes, so that a program can set the
// variable before it starts, and never change.
//
//nolint:gochecknoglobals // a constant of the process that takes a moment to make
var secrets = sync.OnceValue(func() *sanitize.Rules {
	return sanitize.New(sanitize.Options{Keys: strings.Split(os.Getenv("OTELMON_REDACT_KEYS"), ",")})
})

// Clean returns s without what could fool a reader or a terminal: control
// characters but newline and tab, ANSI escape sequences, bidirectional, variation
// and other characters that are not seen, in which text could be hidden from people
// and not from models, and invalid UTF-8, which shows as U+FFFD.
// What looks like a secret is replaced by [redacted].
func Clean(s string) string {
	s = strip(s)
	if len(s) < leastSecret {
		return s
	}
	return secrets().Text(s)
}

// leastSecret is the shortest text that a rule finds a secret in: a name of three
// letters, a sign and a value.
const leastSecret = 5

func strip(s string) string {
	if isPlain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\x1b':
			n = escapeLen(s[i:])
		case r == '\n' || r == '\t' || !isUnsafe(r):
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

// CleanLine is clean for what must stay on one line.
func CleanLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		return r
	}, Clean(s))
}

func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < ' ' && c != '\n' && c != '\t') || c >= 0x7f {
			return false
		}
	}
	return true
}

func isUnsafe(r rune) bool {
	if r < utf8.RuneSelf {
		return unicode.IsControl(r)
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// escapeLen returns the length of the ANSI sequence that starts s, one when it
// is none.
func escapeLen(s string) int {
	if len(s) < 2 || s[1] != '[' {
		return 1
	}
	for i := 2; i < min(len(s), 32); i++ {
		if s[i] >= 0x40 && s[i] <= 0x7e {
			return i + 1
		}
	}
	return 1
}

// Attribute is one attribute: Value is a string, int64, float64 or bool.
type Attribute struct {
	Key   string
	Value any
}

// Text returns the value as a reader wants to see it.
func (a Attribute) Text() string {
	f, ok := a.Value.(float64)
	if !ok {
		return fmt.Sprint(a.Value)
	}
	if s := strconv.FormatFloat(f, 'g', -1, 64); len(s) <= 10 {
		return s
	}
	return strconv.FormatFloat(f, 'g', 8, 64)
}

// Attributes marshals as a JSON object, in the order in which they were set.
type Attributes []Attribute

// MarshalJSON implements json.Marshaler.
func (l Attributes) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, a := range l {
		if i > 0 {
			b = append(b, ',')
		}
		if f, ok := a.Value.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
			a.Value = a.Text() // JSON has no such number
		}
		key, err := json.Marshal(a.Key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(a.Value)
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, key...), ':'), value...)
	}
	return append(b, '}'), nil
}

// UnmarshalJSON implements json.Unmarshaler: it keeps the order, and numbers
// become float64.
func (l *Attributes) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("attributes are no JSON object: %.20q", b)
	}
	*l = Attributes{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		a := Attribute{Key: fmt.Sprint(key)}
		if err := d.Decode(&a.Value); err != nil {
			return err
		}
		*l = append(*l, a)
	}
	return nil
}

// Get returns the text of the attribute, empty when there is none.
func (l Attributes) Get(key string) string {
	for _, a := range l {
		if a.Key == key {
			return a.Text()
		}
	}
	return ""
}

func (l Attributes) String() string {
	parts := make([]string, len(l))
	for i, a := range l {
		parts[i] = a.Key + "=" + a.Text()
	}
	return strings.Join(parts, " ")
}

// attributesOf copies attributes that are kept outside a ring.
func attributesOf(set *attribute.Set) Attributes {
	list := make(Attributes, 0, min(set.Len(), maxAttributes))
	for i := 0; i < set.Len() && i < maxAttributes; i++ {
		kv, _ := set.Get(i)
		list = append(list, attrOf(kv))
	}
	return list
}

func attrOf(kv attribute.KeyValue) Attribute {
	key := CleanLine(Cut(string(kv.Key), maxName))
	if kv.Value.Type() == attribute.STRING { // before secrets are looked for, as in Clean
		kv.Value = attribute.StringValue(strip(kv.Value.AsString()))
	}
	kv, _ = secrets().Attribute(kv)
	switch kv.Value.Type() {
	case attribute.INT64:
		return Attribute{key, kv.Value.AsInt64()}
	case attribute.FLOAT64:
		return Attribute{key, kv.Value.AsFloat64()}
	case attribute.BOOL:
		return Attribute{key, kv.Value.AsBool()}
	default:
		return Attribute{key, strip(Cut(kv.Value.String(), maxValue))}
	}
}

// textOf returns v as safe text of at most maxFact bytes.
func textOf(v attribute.Value) string { return Clean(Cut(v.String(), maxFact)) }

// numberOf returns v as a number, zero when it is none.
func numberOf(v attribute.Value) float64 {
	switch v.Type() {
	case attribute.INT64:
		return float64(v.AsInt64())
	case attribute.FLOAT64:
		return v.AsFloat64()
	default:
		return 0
	}
}

// Number marshals as null when JSON cannot say it. NaN means unknown.
type Number float64

// Unknown is the number that is not known.
func Unknown() Number { return Number(math.NaN()) }

// Known tells whether the number is known and finite.
func (n Number) Known() bool {
	return !math.IsNaN(float64(n)) && !math.IsInf(float64(n), 0)
}

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) {
	if !n.Known() {
		return []byte("null"), nil
	}
	format := byte('f')
	if abs := math.Abs(float64(n)); abs != 0 && (abs < 1e-6 || abs >= 1e21) { // as package json does
		format = 'e'
	}
	return strconv.AppendFloat(nil, float64(n), format, -1, 64), nil
}

// UnmarshalJSON implements json.Unmarshaler: null is a number that is not known.
func (n *Number) UnmarshalJSON(b []byte) error {
	f := math.NaN()
	if string(b) != "null" {
		if err := json.Unmarshal(b, &f); err != nil {
			return err
		}
	}
	*n = Number(f)
	return nil
}
