package exporters

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"plain", "plain"},
		{`Post "http://u:p@h:4318/path/v1/traces?q=1": dial`, `Post "http://h:4318": dial`},
		{"failed to send to https://h/tok-en/v1/traces: 400 Bad Request", "failed to send to https://h: 400 Bad Request"},
		{"https://u:pa/ss@h and https://h/a@b", "https://[redacted] and https://[redacted]"},
		{"HTTPS://h?q and http://i#f", "HTTPS://h and http://i"},
		{"you sent hunter2!", "you sent [redacted]!"},
		{"the 1 stays", "the 1 stays"},
		{"a\nb\tc\x1b[0m \xff \u202e", `a\nb\tc\x1b[0m ` + "\uFFFD" + ` \u202e`},
	} {
		err := errors.New(c.in)
		got := clean(err, secretsOf(map[string]string{"a": "hunter2", "b": "1"})...)
		if got.Error() != c.want || !errors.Is(got, err) {
			t.Errorf("%q became %q, want %q", c.in, got, c.want)
		}
		if again := clean(got); !errors.Is(got, again) {
			t.Errorf("%q was cleaned twice", c.in)
		}
	}
	if clean(nil) != nil {
		t.Error("no error became one")
	}
}

// A server may echo any part of a header, and of Basic what it decoded.
func TestPartsOfHeadersAreSecret(t *testing.T) {
	basic := func(pair string) string { return base64.StdEncoding.EncodeToString([]byte(pair)) }
	for _, c := range []struct{ header, in, want string }{
		{"Bearer s3cr3t", "token s3cr3t is not valid", "token [redacted] is not valid"},
		{"Bearer s3cr3t", "Bearer s3cr3t is not valid", "[redacted] is not valid"},
		{"Bearer s3cr3t", "a Bearer token is missing", "a Bearer token is missing"},
		{"Bearer", "you sent Bearer", "you sent [redacted]"},
		{"Api-Token  dt0c01.x\ty", "no dt0c01.x here", "no [redacted] here"},
		{"first-k second-k", "second-k and first-k", "[redacted] and [redacted]"},
		{"basic " + basic("somebody:hunter2:3"), "somebody with hunter2:3", "[redacted] with [redacted]"},
		{"Basic " + basic("somebody:hunter2"), basic("somebody:hunter2"), "[redacted]"},
		{"Basic " + strings.TrimRight(basic("somebody:hunter22"), "="), "hunter22", "[redacted]"},
		{"Basic " + basic("hunter:hunter2!"), "hunter2! of hunter", "[redacted] of [redacted]"},
		{"Basic not-base-64!", "not-base-64!", "[redacted]"},
		{"Basic " + basic("no-colon"), "no-colon", "[redacted]"},
	} {
		headers := map[string]string{"Authorization": c.header, "Other": "1"}
		if got := clean(errors.New(c.in), secretsOf(headers)...).Error(); got != c.want {
			t.Errorf("%q: %q became %q, want %q", c.header, c.in, got, c.want)
		}
	}
	// The whole goes before its part, which would leave the rest of it to be read.
	for range 20 {
		headers := map[string]string{"a": "key-of-1", "b": "key-of-1-and-more"}
		if got := clean(errors.New("key-of-1-and-more"), secretsOf(headers)...).Error(); got != "[redacted]" {
			t.Fatalf("%q is left", got)
		}
	}
}

// Of an answer only the beginning is read, which may end within a secret.
func TestSecretThatIsCutOff(t *testing.T) {
	token := strings.Repeat("0123456789abcdef", 200)
	secrets := secretsOf(map[string]string{"Authorization": "Bearer " + token})
	for text, want := range map[string]string{
		token + token[:100] + ")":                  "[redacted][redacted])",
		"Bearer " + token[:minSecret]:              "[redacted]",
		"no " + token[:minSecret]:                  "no [redacted]",
		"no " + token[:minSecret-1]:                "no " + token[:minSecret-1],
		strings.Repeat(token, 2*maxRaw/len(token)): strings.Repeat("[redacted]", maxRaw/len(token)+1) + ellipsis,
	} {
		if got := cleanText(text, secrets); got != want {
			t.Errorf("%.50s of %d bytes became %.200q, want %q", text, len(text), got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("http://u:topsecret@h/topsecret", "topsecret")
	f.Add(strings.Repeat("ä\n", 1000), "s")
	f.Fuzz(func(t *testing.T, text, secret string) {
		got := cleanText(text, secretsOf(map[string]string{"key": secret}))
		if len(got) > maxError || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\x1b") {
			t.Errorf("%d bytes: %q", len(got), got)
		}
		if len(secret) >= minSecret && !strings.Contains("[redacted]…\uFFFDhttps://HTTPS://", secret) && strings.IndexFunc(secret, isHidden) < 0 &&
			!strings.Contains(secret, `\`) && !strings.Contains(secret, "redacted") && len(text) < maxRaw && strings.Contains(got, secret) && utf8.ValidString(text) {
			t.Errorf("%q is shown in %q", secret, got)
		}
	})
}
