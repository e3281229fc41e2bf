package sanitize

import (
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"

	"go.opentelemetry.io/otel/attribute"
)

const (
	markStart = "…[cut "
	markEnd   = " bytes]"
	maxMark   = len(markStart) + 19 + len(markEnd)

	markKey = "…" // of the entry that a map which was cut ends in
	number  = 8   // bytes of one in a slice
)

// Trim is [Rules.Attributes] for what is too long only, and so for little: values
// and keys are cut, in a copy, so that the rest of them is freed. As a cut would
// sever secrets, those of what is cut are taken out.
func (r *Rules) Trim(attrs []attribute.KeyValue) []attribute.KeyValue {
	for i := range attrs {
		if !r.Short(&attrs[i]) {
			attrs, _ = Each(attrs, r.TrimAttribute)
			return attrs
		}
	}
	return attrs
}

// Short knows at once most of what [Rules.TrimAttribute] leaves as it is.
func (r *Rules) Short(a *attribute.KeyValue) bool {
	return a.Value.Type() <= attribute.STRING && len(a.Value.AsString()) <= r.max() && len(a.Key) <= r.max()
}

// TrimAttribute is [Rules.Trim] for one, and reports whether it was cut.
func (r *Rules) TrimAttribute(a attribute.KeyValue) (attribute.KeyValue, bool) {
	value, cut := r.TrimValue(a.Value)
	if len(a.Key) > r.max() {
		a.Key, cut = attribute.Key(cutText(string(a.Key), r.max())), true
	}
	if !cut {
		return a, false
	}
	return attribute.KeyValue{Key: a.Key, Value: value}, true
}

// TrimText is [Rules.Trim] for a text.
func (r *Rules) TrimText(text string) string {
	if len(text) <= r.max() {
		return text
	}
	return r.Text(text)
}

// TrimValue is [Rules.Trim] for a value, and reports whether it was cut. Of a
// list or map the first elements are kept; the last one says what is missing,
// except in lists of numbers, which have no room for words.
func (r *Rules) TrimValue(v attribute.Value) (attribute.Value, bool) {
	if r.fits(v) {
		return v, false
	}
	return r.Value(v)
}

func (r *Rules) fits(v attribute.Value) bool {
	switch v.Type() {
	case attribute.STRING:
		return len(v.AsString()) <= r.max()
	case attribute.BOOL, attribute.INT64, attribute.FLOAT64, attribute.EMPTY:
		return true
	}
	return text(v) <= r.max()
}

// cutValue cuts a value that is longer than limit.
func cutValue(v attribute.Value, limit int) attribute.Value {
	switch v.Type() {
	case attribute.STRING:
		return attribute.StringValue(cutText(v.AsString(), limit))
	case attribute.BYTESLICE:
		return attribute.ByteSliceValue([]byte(cutText(v.AsString(), limit)))
	case attribute.BOOLSLICE:
		return attribute.BoolSliceValue(v.AsBoolSlice()[:limit/number])
	case attribute.INT64SLICE:
		return attribute.Int64SliceValue(v.AsInt64Slice()[:limit/number])
	case attribute.FLOAT64SLICE:
		return attribute.Float64SliceValue(v.AsFloat64Slice()[:limit/number])
	case attribute.STRINGSLICE:
		return attribute.StringSliceValue(cutList(v.AsStringSlice(), limit, list[string]{
			size: func(s string) int { return len(s) },
			cut:  cutText,
			mark: func(mark string) string { return mark },
		}))
	case attribute.SLICE:
		return attribute.SliceValue(cutList(v.AsSlice(), limit, list[attribute.Value]{
			size: text,
			cut:  cutValue,
			mark: attribute.StringValue,
		})...)
	case attribute.MAP:
		return attribute.MapValue(cutList(v.AsMap(), limit, list[attribute.KeyValue]{
			fixed: func(a attribute.KeyValue) int { return len(a.Key) },
			size:  func(a attribute.KeyValue) int { return text(a.Value) },
			cut: func(a attribute.KeyValue, limit int) attribute.KeyValue {
				return attribute.KeyValue{Key: a.Key, Value: cutValue(a.Value, limit)}
			},
			mark: func(mark string) attribute.KeyValue { return attribute.String(markKey, mark) },
		})...)
	}
	return v
}

// list tells how the elements of a list are measured and cut.
type list[E any] struct {
	fixed func(E) int // what cannot be cut; nil for nothing
	size  func(E) int
	cut   func(E, int) E
	mark  func(string) E
}

// bytes counts an element as a number at least, so that empty ones are bounded
// as well.
func (l list[E]) bytes(e E) int {
	n := max(l.size(e), number)
	if l.fixed != nil {
		n += l.fixed(e)
	}
	return n
}

// cutList keeps as many elements as there is room for beside the mark, and the
// beginning of the next one.
func cutList[E any](all []E, limit int, l list[E]) []E {
	left := 0
	for _, e := range all {
		left += l.bytes(e)
	}
	room, kept := limit-maxMark-len(markKey), make([]E, 0, 16)
	for _, e := range all {
		n := l.bytes(e)
		if n > room {
			if l.fixed != nil {
				room -= l.fixed(e)
			}
			if room >= minMax && l.size(e) > room {
				e = l.cut(e, room)
				kept = append(kept, e)
				left -= l.bytes(e)
			}
			break
		}
		kept = append(kept, e)
		room -= n
		left -= n
	}
	return append(kept, l.mark(markStart+strconv.Itoa(left)+markEnd))
}

// cutText shortens text to at most limit bytes, the mark included.
func cutText(text string, limit int) string { return shorten(text, limit, 0) }

// shorten cuts text from which so many bytes were left out already.
func shorten(text string, limit, left int) string {
	if left == 0 && len(text) <= limit {
		return text
	}
	n := max(0, min(len(text), limit-maxMark))
	for n > 0 && n < len(text) && !utf8.RuneStart(text[n]) && n > limit-maxMark-utf8.UTFMax {
		n--
	}
	// A placeholder that is cut would be taken for a secret.
	for back := 1; back < len(Redacted) && back <= n; back++ {
		if strings.HasPrefix(Redacted, text[n-back:n]) && strings.HasPrefix(text[n-back:], Redacted) {
			n -= back
			break
		}
	}
	return text[:n] + markStart + strconv.Itoa(len(text)-n+left) + markEnd
}

// splitMark separates the mark of a text that was cut.
func splitMark(text string) (string, string) {
	if !strings.HasSuffix(text, markEnd) {
		return text, ""
	}
	at := strings.LastIndex(text, markStart)
	if at < 0 || strings.Trim(text[at+len(markStart):len(text)-len(markEnd)], "0123456789") != "" {
		return text, ""
	}
	return text[:at], text[at:]
}

// text is how many bytes of text a value holds; numbers in lists count 8.
func text(v attribute.Value) int {
	switch v.Type() {
	case attribute.STRING, attribute.BYTESLICE:
		return len(v.AsString()) // of bytes without a copy
	case attribute.BOOLSLICE:
		return number * len(v.AsBoolSlice())
	case attribute.INT64SLICE:
		return number * len(v.AsInt64Slice())
	case attribute.FLOAT64SLICE:
		return number * len(v.AsFloat64Slice())
	case attribute.STRINGSLICE:
		n := 0
		for _, s := range v.AsStringSlice() {
			n += max(len(s), number)
		}
		return n
	case attribute.SLICE:
		n := 0
		for _, e := range v.AsSlice() {
			n += max(text(e), number)
		}
		return n
	case attribute.MAP:
		n := 0
		for _, a := range v.AsMap() {
			n += len(a.Key) + max(text(a.Value), number)
		}
		return n
	}
	return 0
}

// Size is about how many bytes attrs keep alive. Keys count nothing: they are
// constants as a rule.
func Size(attrs []attribute.KeyValue) int {
	n := len(attrs) * int(unsafe.Sizeof(attribute.KeyValue{}))
	for i := range attrs {
		if v := &attrs[i].Value; v.Type() == attribute.STRING {
			n += len(v.AsString())
		} else if v.Type() > attribute.STRING {
			n += SizeOf(*v)
		}
	}
	return n
}

// SizeOf is [Size] for a value without its own 48 bytes.
func SizeOf(v attribute.Value) int {
	switch v.Type() {
	case attribute.STRING:
		return len(v.AsString())
	case attribute.BOOL, attribute.INT64, attribute.FLOAT64, attribute.EMPTY:
		return 0
	}
	return text(v)
}
