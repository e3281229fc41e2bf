package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/log"
)

func TestMask(t *testing.T) {
	for in, want := range map[string]string{
		"":                                      "",
		"no numbers":                            "no numbers",
		"took 12.5ms of 1,200 at 10.0.0.1:5432": "took <num>ms of <num> at <num>",
		"-3 and 1e9":                            "-<num> and <num>e<num>",
		"job 0x7f3a, id 5e0b9c1d2f":             "job <hex>, id <hex>",
		"req 6ba7b810-9dad-11d1-80b4-00c04fd430c8 ok": "req <uuid> ok",
		`user "Ada L." said 'no way', can't`:          `user <str> said <str>, can't`,
		`open "never closed`:                          `open "never closed`,
		`an "escaped \" quote" ends`:                  `an <str> ends`,
		"decade facade":                               "decade facade",
		"  a \t\n b  ":                                "a b",
		"user42 order-17":                             "user<num> order-<num>",
		"GET /v1/users/17/orders?id=9":                "GET /v<num>/users/<num>/orders?id=<num>",
		"2026-11-25T22:31:05.123Z":                    "<num>-<num>-<num>T<num>Z",
		"ä 7 漢":                                       "ä <num> 漢",
	} {
		if got := string(mask([]byte("x"), []byte(in))); got != "x"+want {
			t.Errorf("%q: %q, want %q", in, got[1:], want)
		}
	}
	if got := string(mask(nil, []byte(strings.Repeat("ä", 5000)))); len(got) > maxTemplate+8 || !utf8.ValidString(got) {
		t.Errorf("%d bytes", len(got))
	}
}

func FuzzMask(f *testing.F) {
	f.Add("a \"b\\")
	f.Add("\xff'\x00 0x -")
	f.Fuzz(func(t *testing.T, s string) {
		if got := mask(nil, []byte(s)); len(got) > 8*maxTemplate || utf8.ValidString(s) != utf8.Valid(got) && utf8.ValidString(s) {
			t.Fatalf("%q", got)
		}
	})
}

func TestPatternsGroupRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0)
		ctx, s := r.Span(t.Context(), "GET /")
		defer s.End()
		for i := range 10 {
			at := t.Context()
			if i == 3 {
				at = ctx
			}
			r.Log(at, log.SeverityInfo, "", fmt.Sprintf("user %c logged in from 10.0.0.%d", 'a'+i, i))
			pass(time.Second)
		}
		r.Log(t.Context(), log.SeverityError, "", "user z logged in from 10.0.0.1")
		r.Log(t.Context(), log.SeverityInfo, "", "cache rebuilt")
		r.Log(t.Context(), log.SeverityInfo, "cache.rebuilt", "cache rebuilt")
		list := r.Patterns(LogQuery{})
		if list.Total != 4 || list.Records != 13 || list.Others != 0 || list.Truncated {
			t.Fatalf("%+v", list)
		}
		p := list.Patterns[0]
		if p.Template != "user <*> logged in from <num>" || p.Count != 10 || p.Level != "info" || p.Last.Sub(p.First) != 9*time.Second {
			t.Errorf("%+v", p)
		}
		if p.TraceID != traceID(s).String() || p.SpanID == "" || p.Sample != "user d logged in from 10.0.0.3" {
			t.Errorf("the sample has no trace: %+v", p)
		}
		if list := r.Patterns(LogQuery{Level: "error"}); list.Total != 1 || list.Patterns[0].Template != "user z logged in from <num>" {
			t.Errorf("%+v", list)
		}
		if list := r.Patterns(LogQuery{Text: "rebuilt", Limit: 1}); list.Total != 2 || !list.Truncated || len(list.Patterns) != 1 {
			t.Errorf("%+v", list)
		}
		if list := r.Patterns(LogQuery{Since: time.Now().Add(-3 * time.Second), Until: time.Now()}); list.Records != 3 {
			t.Errorf("%d records in the three seconds before now: %+v", list.Records, list)
		}
	})
}

func TestPatternsOfNothingAreAList(t *testing.T) {
	r := newRig(t, 0)
	if b, err := json.Marshal(r.Patterns(LogQuery{})); err != nil || !strings.Contains(string(b), `"patterns":[]`) {
		t.Errorf("%s, %v", b, err)
	}
}

// Whatever is logged, the answer is bounded and safe to show.
func TestPatternsOfHostileRecords(t *testing.T) {
	r := newRig(t, 0)
	letters := func(n int) string {
		var b strings.Builder
		for range 6 {
			b.WriteByte(byte('g' + n%20))
			n /= 20
		}
		return b.String()
	}
	for i := range 6000 {
		r.Log(t.Context(), log.SeverityInfo, "", letters(i)+" "+letters(i*7)+strings.Repeat(" x\x1b[31m\u202e\xff", i%301/300*300))
	}
	list := r.Patterns(LogQuery{Limit: MaxLimit})
	counted := list.Others
	for _, p := range r.Patterns(LogQuery{Limit: 10 * maxPatterns}).Patterns {
		counted += p.Count
		if strings.ContainsAny(p.Template+p.Sample, "\x1b\u202e") || len(p.Template) > 8*maxTemplate || !utf8.ValidString(p.Sample) || len(p.Sample) > 4*maxSample {
			t.Fatalf("%q", p.Template)
		}
	}
	if list.Total > maxPatterns || len(list.Patterns) > MaxLimit || counted != list.Records || list.Others == 0 {
		t.Errorf("%d patterns, %d of %d records counted, %d others", list.Total, counted, list.Records, list.Others)
	}
}
