package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// kind is the sort of an argument.
type kind int

const (
	kindText kind = iota
	kindCount
	kindFlag
	kindDuration
	kindTime
	kindTrace
	kindChoice
)

// argument is one that a tool takes.
type argument struct {
	name, about string
	kind        kind
	choices     []string
	most        int // of a count, whose least is 1
	longest     time.Duration
	usual       any // nil: none
	required    bool
}

// arguments are the values of a call, each of the type of its kind: string, int,
// bool, time.Duration, time.Time.
type arguments map[string]any

func (in arguments) text(name string) string            { s, _ := in[name].(string); return s }
func (in arguments) count(name string) int              { n, _ := in[name].(int); return n }
func (in arguments) flag(name string) bool              { is, _ := in[name].(bool); return is }
func (in arguments) duration(name string) time.Duration { d, _ := in[name].(time.Duration); return d }
func (in arguments) time(name string) time.Time         { t, _ := in[name].(time.Time); return t }

// schema describes the arguments to clients.
func (t *tool) schema() json.RawMessage {
	var all object
	var required []string
	for _, a := range t.takes {
		var one object
		switch a.kind {
		case kindCount:
			one.put("type", "integer")
			one.put("minimum", 1)
			one.put("maximum", a.most)
		case kindFlag:
			one.put("type", "boolean")
		default:
			one.put("type", "string")
		}
		if a.choices != nil {
			items(&one, "enum", a.choices)
		}
		if d, ok := a.usual.(time.Duration); ok {
			one.put("default", short(d))
		} else if a.usual != nil {
			one.raw("default", encode(a.usual))
		}
		one.put("description", a.about)
		all.put(a.name, &one)
		if a.required {
			required = append(required, a.name)
		}
	}
	var s object
	s.put("type", "object")
	s.put("properties", &all)
	if required != nil {
		items(&s, "required", required)
	}
	s.raw("additionalProperties", []byte("false"))
	return encode(&s)
}

// parse reads the arguments of a call. It takes what is meant clearly: numbers as
// strings, names and words in another case, null for what is not given. The error
// names every mistake, what there is instead, and a call that would be right.
func (t *tool) parse(raw json.RawMessage) (arguments, error) {
	given, err := members(raw)
	in, meant := arguments{}, arguments{}
	var faults []error
	if err != nil {
		faults = append(faults, err)
	}
	if len(given) > maxGiven {
		return nil, fmt.Errorf("%d arguments are too many: %s takes %s", len(given), t.name, t.names())
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		a, to := t.argument(name), in
		if a == nil {
			faults = append(faults, fmt.Errorf("unknown argument %q: %s takes %s", cut(name, 64), t.name, t.names()))
			if a, to = t.argument(near(name, t.taken())), meant; a == nil {
				continue
			}
		}
		v, err := a.read(given[name])
		switch {
		case err != nil:
			faults = append(faults, fmt.Errorf("%s: %w", a.name, err))
		case v != nil:
			to[a.name] = v
		}
	}
	right := written(meant)
	maps.Copy(right, written(in))
	for _, a := range t.takes {
		switch {
		case in[a.name] != nil:
		case a.usual != nil:
			in[a.name] = a.usual
		case a.required && meant[a.name] == nil:
			right[a.name] = t.example[a.name]
			if !slices.ContainsFunc(faults, func(err error) bool { return strings.HasPrefix(err.Error(), a.name+":") }) {
				faults = append(faults, fmt.Errorf("%s is missing: %s", a.name, a.about))
			}
		}
	}
	if faults == nil {
		return in, nil
	}
	if len(right) == 0 && t.example != nil {
		right = t.example
	}
	return nil, fmt.Errorf("%w\nA right call: %s %s", errors.Join(faults...), t.name, encode(right))
}

// maxGiven bounds the arguments of a call, each of which may be misspelt.
const maxGiven = 32

// written returns the arguments as a call would write them.
func written(in arguments) map[string]any {
	call := map[string]any{}
	for name, v := range in {
		switch v := v.(type) {
		case time.Duration:
			call[name] = short(v)
		case string:
			call[name] = cut(v, maxValue)
		default:
			call[name] = v
		}
	}
	return call
}

// members reads an object, also one that was encoded once more, as a string.
func members(raw json.RawMessage) (map[string]any, error) {
	raw = bytes.TrimSpace(raw)
	var text string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &text) == nil {
		raw = json.RawMessage(text)
	}
	var given map[string]any
	if len(raw) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&given); err != nil {
		return nil, errors.New("the arguments are no JSON object")
	}
	return given, nil
}

func (t *tool) argument(name string) *argument {
	for i := range t.takes {
		if plain(t.takes[i].name) == plain(name) {
			return &t.takes[i]
		}
	}
	return nil
}

// taken returns the names of the arguments.
func (t *tool) taken() (names []string) {
	for _, a := range t.takes {
		names = append(names, a.name)
	}
	return names
}

func (t *tool) names() string {
	if len(t.takes) == 0 {
		return "no arguments"
	}
	return strings.Join(t.taken(), ", ")
}

// near returns the name that text likely stands for, empty when there is none or
// more than one: it is the beginning of it, or begins as it, or differs by two
// letters, by one when it is short.
func near(text string, names []string) string {
	text = plain(text)
	most := min(len(text)/3, 1)
	if len(text) >= 5 {
		most = 2
	}
	var found []string
	for _, name := range names {
		p := plain(name)
		isPart := min(len(p), len(text)) >= 3 && (strings.HasPrefix(p, text) || strings.HasPrefix(text, p))
		if isPart || distance(text, p) <= most {
			found = append(found, name)
		}
	}
	if len(found) != 1 {
		return ""
	}
	return found[0]
}

// distance returns how many letters are to be put in, taken out or changed.
func distance(a, b string) int {
	if len(a) > maxWord || len(b) > maxWord {
		return maxWord
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0]++
		for j := range len(b) {
			changed := before
			if a[i] != b[j] {
				changed++
			}
			before = row[j+1]
			row[j+1] = min(changed, row[j]+1, before+1)
		}
	}
	return row[len(b)]
}

// maxWord bounds what may be a misspelt name, in bytes.
const maxWord = 64

// plain leaves out what traceId, trace-id and TRACE_ID differ in.
func plain(name string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "", ".", "").Replace(strings.ToLower(name))
}

// read returns nil for what counts as not given.
func (a *argument) read(v any) (any, error) {
	if l, ok := v.([]any); ok && len(l) == 1 {
		v = l[0]
	}
	var text string
	switch v := v.(type) {
	case nil:
		return nil, nil //nolint:nilnil // there is none
	case string:
		text = strings.TrimSpace(v)
	case json.Number:
		text = v.String()
	case bool:
		text = strconv.FormatBool(v)
	default:
		return nil, fmt.Errorf("want %s, not %s", a.wanted(), cut(string(encode(v)), 80))
	}
	if text == "" || strings.EqualFold(text, "null") || strings.EqualFold(text, "none") && a.kind != kindText {
		return nil, nil //nolint:nilnil // there is none
	}
	if got, ok := a.understand(text); ok {
		return got, nil
	}
	return nil, fmt.Errorf("want %s, not %q", a.wanted(), cut(text, 80))
}

func (a *argument) understand(text string) (any, bool) {
	switch a.kind {
	case kindCount:
		f, err := strconv.ParseFloat(text, 64)
		return int(min(f, float64(a.most))), err == nil && f >= 1 && f == math.Trunc(f)
	case kindFlag:
		i := slices.Index([]string{"true", "1", "yes", "false", "0", "no"}, strings.ToLower(text))
		return i < 3, i >= 0
	case kindDuration:
		d, err := time.ParseDuration(strings.ReplaceAll(text, " ", ""))
		if seconds, bad := strconv.ParseFloat(text, 64); bad == nil {
			d, err = time.Duration(min(seconds, 1e9)*float64(time.Second)), nil
		}
		return min(d, a.longest), err == nil && d > 0
	case kindTime:
		t, err := time.Parse(time.RFC3339, text)
		return t, err == nil
	case kindTrace:
		text = strings.ToLower(text)
		id, err := trace.TraceIDFromHex(text + strings.Repeat("0", max(0, traceDigits-len(text))))
		return text, err == nil && id.IsValid() && len(text) >= leastTraceDigits
	case kindChoice:
		for _, c := range a.choices {
			if plain(c) == plain(text) {
				return c, true
			}
		}
		c := near(text, a.choices)
		return c, c != ""
	default:
		return text, len(text) <= maxArgument
	}
}

// A trace is named by its id, or by what it begins with.
const (
	traceDigits      = 32
	leastTraceDigits = 6
)

// maxArgument bounds a text that is looked for, in bytes.
const maxArgument = 1 << 10

// wanted says what a value must be.
func (a *argument) wanted() string {
	switch a.kind {
	case kindCount:
		return fmt.Sprintf("a number from 1 to %d", a.most)
	case kindFlag:
		return "true or false"
	case kindDuration:
		return fmt.Sprintf(`a duration such as "15m", at most %s`, short(a.longest))
	case kindTime:
		return `a time such as "2026-01-31T12:00:00Z"`
	case kindTrace:
		return fmt.Sprintf("the %d hexadecimal digits of a trace id, or the first %d or more", traceDigits, leastTraceDigits)
	case kindChoice:
		return "one of " + strings.Join(a.choices, ", ")
	default:
		return fmt.Sprintf("a text of at most %d bytes", maxArgument)
	}
}

// short writes 15m0s as 15m.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
