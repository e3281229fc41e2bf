package store

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
)

func roundTrip(attrs ...attribute.KeyValue) (Attributes, int) {
	e := encoder{max: 1 << 20}
	e.attributes(attrs, 0)
	d := decoder{s: string(e.b)}
	return d.attributes()
}

func TestAttributesSurviveTheStore(t *testing.T) {
	got, dropped := roundTrip(
		attribute.String("s", "text"), attribute.Int64("i", math.MinInt64), attribute.Int64("j", math.MaxInt64),
		attribute.Float64("f", -0.25), attribute.Bool("yes", true), attribute.Bool("no", false),
		attribute.StringSlice("list", []string{"a", "b"}), attribute.Int("zero", 0),
	)
	want := Attributes{
		{"s", "text"},
		{"i", int64(math.MinInt64)},
		{"j", int64(math.MaxInt64)},
		{"f", -0.25},
		{"yes", true},
		{"no", false},
		{"list", `["a","b"]`},
		{"zero", int64(0)},
	}
	if !reflect.DeepEqual(got, want) || dropped != 0 {
		t.Errorf("got %v, %d dropped; want %v", got, dropped, want)
	}
}

func TestLongValuesAreCutWithAMark(t *testing.T) {
	got, _ := roundTrip(attribute.String("k", strings.Repeat("ä", 3000)))
	text := got[0].Text()
	if !strings.HasSuffix(text, " bytes]") || len(text) > maxValue || !utf8.ValidString(text) {
		t.Errorf("%d bytes that end in %q", len(text), text[len(text)-40:])
	}
	if short := Cut("abc", 3); short != "abc" {
		t.Errorf("cut changed %q", short)
	}
}

func TestAttributesAreBounded(t *testing.T) {
	var many []attribute.KeyValue
	for range 100 {
		many = append(many, attribute.String("k", strings.Repeat("x", 5000)))
	}
	e := encoder{max: 20_000}
	e.attributes(many, 7)
	d := decoder{s: string(e.b)}
	got, dropped := d.attributes()
	if len(e.b) > 20_000 || len(got) == 0 || len(got)+dropped != 107 {
		t.Errorf("%d bytes, %d kept, %d dropped", len(e.b), len(got), dropped)
	}
	if got, dropped := roundTrip(make([]attribute.KeyValue, 100)...); len(got) != maxAttributes || dropped != 100-maxAttributes {
		t.Errorf("kept %d, dropped %d", len(got), dropped)
	}
}

func TestCleanTakesOutWhatFools(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                          "plain",
		"two\nlines\tand tab":            "two\nlines\tand tab",
		"\x1b[31mred\x1b[0m":             "red",
		"\x1b]0;title\a":                 "]0;title",
		"a\u202egnp.exe":                 "agnp.exe",
		"zero\u200bwidth\ufeff":          "zerowidth",
		"null\x00 del\x7f c1\u009b31m":   "null del c131m",
		"bad \xff utf8":                  "bad \ufffd utf8",
		"é 漢 🙂":                          "é 漢 🙂",
		"line\u2028para\u2029":           "linepara",
		"\x1b":                           "",
		"\x1b[" + strings.Repeat("9", 5): "[99999",
	} {
		if got := Clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
	if got := CleanLine("a\nb\x1b[2Jc"); got != "a bc" {
		t.Errorf("cleanLine: %q", got)
	}
}

func TestAttributesMarshalWhatJSONCannotSay(t *testing.T) {
	b, err := json.Marshal(Attributes{{"nan", math.NaN()}, {"inf", math.Inf(1)}, {"n", int64(3)}, {"q\"", "v\"<"}})
	if want := `{"nan":"NaN","inf":"+Inf","n":3,"q\"":"v\"\u003c"}`; err != nil || string(b) != want {
		t.Errorf("%s, %v; want %s", b, err, want)
	}
	if b, _ := json.Marshal([]Number{1.5, Unknown(), Number(math.Inf(-1))}); string(b) != "[1.5,null,null]" {
		t.Errorf("%s", b)
	}
}

func FuzzTextSurvivesOrIsCleaned(f *testing.F) {
	f.Add("k", "v", int64(1), 2.0)
	f.Add("\x1b[31m", "\u202e\xff\x00", int64(-1), math.NaN())
	f.Fuzz(func(t *testing.T, key, value string, i int64, x float64) {
		got, dropped := roundTrip(attribute.String(key, value), attribute.Int64(key, i), attribute.Float64(key, x))
		if len(got) != 3 || dropped != 0 {
			t.Fatalf("%d attributes, %d dropped", len(got), dropped)
		}
		if got[1].Value != i || math.Float64bits(got[2].Value.(float64)) != math.Float64bits(x) {
			t.Fatalf("numbers changed: %v", got)
		}
		for _, s := range []string{got[0].Key, got[0].Text()} {
			if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && r != '\t' && isUnsafe(r) }) {
				t.Fatalf("unsafe %q", s)
			}
		}
		if strings.Contains(got[0].Key, "\n") || len(got[0].Text()) > 3*(maxValue+64) {
			t.Fatalf("key %q, value of %d bytes", got[0].Key, len(got[0].Text()))
		}
	})
}

func TestAnswersCanBeReadBack(t *testing.T) {
	want := Attributes{{"z", "text"}, {"a", 4.0}, {"b", true}}
	written, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Attributes
	if err := json.Unmarshal(written, &got); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	for _, wrong := range []string{`[1]`, `{"a":`, `7`} {
		if err := got.UnmarshalJSON([]byte(wrong)); err == nil {
			t.Errorf("%s is taken for attributes", wrong)
		}
	}
	var n struct{ A, B Number }
	if err := json.Unmarshal([]byte(`{"A":null,"B":2.5}`), &n); err != nil || n.A.Known() || n.B != 2.5 {
		t.Errorf("%+v, %v", n, err)
	}
}
