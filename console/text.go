package console

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
)

// clean returns s without what could fool a reader or a terminal: control
// characters but newline and tab, ANSI escape sequences, bidirectional and
// other invisible format characters, and invalid UTF-8, which shows as U+FFFD.
func clean(s string) string {
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

// cleanLine is clean for what must stay on one line.
func cleanLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		return r
	}, clean(s))
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
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp)
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

// attr is one attribute: Value is a string, int64, float64 or bool.
type attr struct {
	Key   string
	Value any
}

// Text returns the value as a reader wants to see it.
func (a attr) Text() string {
	f, ok := a.Value.(float64)
	if !ok {
		return fmt.Sprint(a.Value)
	}
	if s := strconv.FormatFloat(f, 'g', -1, 64); len(s) <= 10 {
		return s
	}
	return strconv.FormatFloat(f, 'g', 8, 64)
}

// attributes marshals as a JSON object, in the order in which they were set.
type attributes []attr

// MarshalJSON implements json.Marshaler.
func (l attributes) MarshalJSON() ([]byte, error) {
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

// get returns the text of the attribute, empty when there is none.
func (l attributes) get(key string) string {
	for _, a := range l {
		if a.Key == key {
			return a.Text()
		}
	}
	return ""
}

func (l attributes) String() string {
	parts := make([]string, len(l))
	for i, a := range l {
		parts[i] = a.Key + "=" + a.Text()
	}
	return strings.Join(parts, " ")
}

// attributesOf copies attributes that are kept outside a ring.
func attributesOf(set *attribute.Set) attributes {
	list := make(attributes, 0, min(set.Len(), maxAttributes))
	for i := 0; i < set.Len() && i < maxAttributes; i++ {
		kv, _ := set.Get(i)
		list = append(list, attrOf(kv))
	}
	return list
}

func attrOf(kv attribute.KeyValue) attr {
	key := cleanLine(cut(string(kv.Key), maxName))
	switch kv.Value.Type() {
	case attribute.INT64:
		return attr{key, kv.Value.AsInt64()}
	case attribute.FLOAT64:
		return attr{key, kv.Value.AsFloat64()}
	case attribute.BOOL:
		return attr{key, kv.Value.AsBool()}
	default:
		return attr{key, textOf(kv.Value, maxValue)}
	}
}

// textOf returns v as safe text of about limit bytes.
func textOf(v attribute.Value, limit int) string { return clean(cut(v.String(), limit)) }

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

// number marshals as null when JSON cannot say it. NaN means unknown.
type number float64

// unknown is the number that is not known.
func unknown() number { return number(math.NaN()) }

func (n number) known() bool {
	return !math.IsNaN(float64(n)) && !math.IsInf(float64(n), 0)
}

// MarshalJSON implements json.Marshaler.
func (n number) MarshalJSON() ([]byte, error) {
	if !n.known() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}
