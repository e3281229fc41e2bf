package health

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"connection refused": "connection refused",
		"dial tcp 10.0.0.5:5432: connect: connection refused":     "dial tcp 10.0.0.5:5432: connect: connection refused",
		"lookup db on [::1]:53: no such host":                     "lookup db on [::1]:53: no such host",
		"postgres://app:s3cret@db:5432/shop":                      "postgres://app:***@db:5432/shop",
		"postgres://app:s3/cr@et@db:5432/shop":                    "postgres://app:***@db:5432/shop",
		`open "postgres://app:s3"cret@db": refused`:               `open "postgres://app:***@db": refused`,
		"redis://:s3cret@cache:6379: refused":                     "redis://:***@cache:6379: refused",
		"app:s3cret@tcp(db:3306)/shop":                            "app:***@tcp(db:3306)/shop",
		"app:/s3cret@tcp(db:3306)/shop":                           "app:***@tcp(db:3306)/shop",
		"host=db user=app password=s3cret sslmode=disable":        "host=db user=app password=*** sslmode=disable",
		"host=db password='s3 cret' user=app":                     "host=db password=*** user=app",
		"host=db password='s3 cret":                               "host=db password=***",
		`{"user":"app","password": "s3 cret"}`:                    `{"user":"app","password": ***}`,
		"GET /?api_key=s3cret: 500":                               "GET /?api_key=*** 500",
		"Authorization: Bearer s3cret.s3cret":                     "Authorization: *** ***",
		"X-Api-Key: s3cret":                                       "X-Api-Key: ***",
		"bearer s3cret-s3cret rejected":                           "bearer *** rejected",
		"bad \xff bytes":                                          "bad \uFFFD bytes",
		strings.Repeat("x ", 2000) + "postgres://app:s3cret@db":   strings.Repeat("x ", 510) + "x…",
		strings.Repeat("é", 600):                                  strings.Repeat("é", 510) + "…",
		strings.Repeat("x", 4095) + " ://app:s3cret@db y":         strings.Repeat("x", 1021) + "…",
		"postgres://app:" + strings.Repeat("s3cret", 900) + "@db": "… (5418 bytes without a space)",
	} {
		if got := redact(in); got != want {
			t.Errorf("redact(%.100q)\n got %.200q\nwant %.200q", in, got, want)
		}
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("dial ", " refused", "s3cretS3CRET")
	f.Add("\"", "'", "a@b:c/d")
	f.Fuzz(func(t *testing.T, before, after, word string) {
		got := redact(before + " postgres://app:" + word + "@db/ " + after)
		if len(got) > maxText || !utf8.ValidString(got) {
			t.Errorf("%d bytes, valid %t", len(got), utf8.ValidString(got))
		}
		if strings.ContainsAny(word, " \t\r\n\v\f/\x00") || len(word) < 8 || !utf8.ValidString(word) {
			return // not part of a connection string
		}
		if strings.Contains(got, word) && !strings.Contains(before+after, word) {
			t.Errorf("redact kept %q: %q", word, got)
		}
	})
}
