package mcp

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/otelmon/otelmon-go/console/store"
)

// Limits of an answer, in bytes of JSON. Four are about a token.
const (
	maxAnswer = 24_000
	maxTail   = 4_000 // for what stands behind them

	maxSummary = 480
	maxText    = 280 // of a text from telemetry
	maxName    = 120
	maxItems   = 10  // of a list, or attributes, within an item
	maxValue   = 160 // of an argument in a proposed call
	maxNext    = 3
	maxLinks   = 4
)

// object is a JSON object whose members stand in the order in which they were
// put. What is empty or not known is left out, so nothing in it is null.
type object struct{ b []byte }

// MarshalJSON implements json.Marshaler.
func (o *object) MarshalJSON() ([]byte, error) { return append(append([]byte{'{'}, o.b...), '}'), nil }

func (o *object) raw(name string, value []byte) {
	if len(o.b) > 0 {
		o.b = append(o.b, ',')
	}
	o.b = append(append(append(o.b, encode(name)...), ':'), value...)
}

// text puts a text from outside, at most limit bytes of it.
func (o *object) text(name, s string, limit int) {
	if s = cut(s, limit); s != "" {
		o.raw(name, encode(s))
	}
}

// put puts a value that is not empty: a struct by the names of its JSON, and the
// beginning of a text or a list that is long.
func (o *object) put(name string, v any) {
	switch v := v.(type) {
	case string:
		o.text(name, v, maxText)
	case store.Number:
		if v.Known() {
			o.raw(name, appendNumber(nil, float64(v)))
		}
	case time.Time:
		if !v.IsZero() {
			o.raw(name, encode(v.UTC().Format("2006-01-02T15:04:05.000Z")))
		}
	case store.Attributes:
		var in object
		for _, a := range v[:min(len(v), maxItems)] {
			in.text(cut(a.Key, maxName), a.Text(), maxText)
		}
		if in.b != nil {
			o.raw(name, encode(&in))
		}
	case *object:
		o.raw(name, encode(v))
	default:
		o.reflect(name, reflect.ValueOf(v))
	}
}

func (o *object) reflect(name string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			o.raw(name, []byte("true"))
		}
	case reflect.Int:
		o.raw(name, strconv.AppendInt(nil, v.Int(), 10))
	case reflect.Uint64:
		o.raw(name, strconv.AppendUint(nil, v.Uint(), 10))
	case reflect.Pointer:
		if !v.IsNil() {
			o.put(name, v.Elem().Interface())
		}
	case reflect.Struct:
		o.raw(name, encode(view(v.Interface())))
	case reflect.Slice:
		if v.Len() == 0 {
			return
		}
		all := []json.RawMessage{}
		for i := range min(v.Len(), maxItems) {
			var one object
			one.put("", v.Index(i).Interface())
			if value, ok := bytes.CutPrefix(one.b, []byte(`"":`)); ok {
				all = append(all, value)
			}
		}
		o.raw(name, encode(all))
	default:
		panic("no such value in an answer: " + v.Kind().String())
	}
}

// view returns a struct of package store, but for the members named.
func view(of any, without ...string) *object {
	var o object
	v := reflect.Indirect(reflect.ValueOf(of))
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if name := f.Tag.Get("json"); f.IsExported() && !slices.Contains(without, name) {
			o.put(name, v.Field(i).Interface())
		}
	}
	return &o
}

// join puts the members of another object.
func (o *object) join(other *object) {
	if len(o.b) > 0 && len(other.b) > 0 {
		o.b = append(o.b, ',')
	}
	o.b = append(o.b, other.b...)
}

// items puts a list that is short by itself.
func items[T any](o *object, name string, list []T) {
	if list == nil {
		list = []T{}
	}
	o.raw(name, encode(list))
}

// encode leaves < and > as they are, which JSON for HTML would write in six bytes.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // we encode texts, numbers and objects of these
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}

// cut makes a text from outside one that is safe to show, of at most limit bytes.
func cut(s string, limit int) string { return store.Cut(store.Clean(s), limit) }

// appendNumber writes four digits, and whole numbers as they are.
func appendNumber(b []byte, v float64) []byte {
	switch {
	case v == math.Trunc(v) && math.Abs(v) < 1e15:
		return strconv.AppendFloat(b, v, 'f', -1, 64)
	case math.Abs(v) >= 1000 && math.Abs(v) < 1e15:
		return strconv.AppendFloat(b, math.Round(v), 'f', -1, 64)
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 4, 64), 64) // we wrote it
	return append(b, encode(rounded)...)
}

// step is a call that leads on.
type step struct {
	Tool      string         `json:"tool"`
	Arguments map[string]any `json:"arguments"`
	Reason    string         `json:"reason"`
}

// answer is what a tool answers. It is never longer than maxAnswer: lists take
// what room there is, the most important items first.
type answer struct {
	object

	begun int       // bytes of what all answers begin with
	left  []*object // what was left out, by list
	links []string
	next  []step
}

// begin starts an answer with what all of them have.
func begin(summary string, asOf, from time.Time) *answer {
	a := &answer{}
	a.text("summary", summary, maxSummary)
	a.put("as_of", asOf)
	var w object
	w.put("from", from)
	w.put("to", asOf)
	a.put("window", &w)
	a.begun = len(a.b)
	return a
}

// list puts the items, the most important first, that fit into a share of the
// room left, in percent. total is how many there are, with those that the
// question left out; below zero it is not known. It returns how many it has put.
func list[T any](a *answer, name string, share, total int, all []T, view func(*T) *object) (put int) {
	room := (maxAnswer - maxTail - len(a.b)) * share / 100
	b := []byte{'['}
	n := 0
	for ; n < len(all); n++ {
		item := encode(view(&all[n]))
		if len(b)+len(item)+len(name)+8 > room {
			break
		}
		if n > 0 {
			b = append(b, ',')
		}
		b = append(b, item...)
	}
	a.raw(name, append(b, ']'))
	if n == len(all) && total >= 0 && total <= n {
		return n
	}
	left := &object{}
	left.put("list", name)
	left.put("returned", n)
	if total >= 0 {
		left.put("total", max(total, len(all)))
	}
	a.left = append(a.left, left)
	return n
}

func (a *answer) link(url string) {
	if url != "" && len(a.links) < maxLinks {
		a.links = append(a.links, url)
	}
}

// ask proposes a call, with arguments as names and values in turn, of which empty
// ones are none.
func (a *answer) ask(tool, reason string, arguments ...string) {
	s := step{Tool: tool, Arguments: map[string]any{}, Reason: reason}
	for i := 0; i+1 < len(arguments); i += 2 {
		if arguments[i+1] != "" {
			s.Arguments[arguments[i]] = arguments[i+1]
		}
	}
	a.next = append(a.next, s)
}

// finish returns the answer as JSON. Proposals that the tools do not understand,
// or that this client may not call, are left out, and so is what does not fit.
func (a *answer) finish(understood func(step) (step, bool)) []byte {
	next := []step{}
	for _, s := range a.next {
		if s, ok := understood(s); ok && len(next) < maxNext {
			next = append(next, s)
		}
	}
	for {
		whole := object{b: bytes.Clone(a.b)}
		items(&whole, "truncated", a.left)
		items(&whole, "links", a.links)
		items(&whole, "next", next)
		b := encode(&whole)
		switch {
		case len(b) > maxAnswer && len(next) > 0:
			next = next[:len(next)-1]
		case len(b) > maxAnswer && len(a.links) > 0:
			a.links = nil
		case len(b) > maxAnswer && len(a.b) > a.begun:
			a.b = a.b[:a.begun] // no tool comes to this, whatever is kept
		default:
			return b
		}
	}
}
