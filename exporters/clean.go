package exporters

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

const (
	maxError = 1 << 10  // bytes of an error's text
	maxRaw   = 16 << 10 // bytes of it that are looked at
	ellipsis = "…"
	redacted = "[redacted]"
)

// exportError is an error with text that is fit for a log: short, on one line,
// without the parts of a URL that may be secret.
type exportError struct {
	text  string
	cause error
}

func (e *exportError) Error() string { return e.text }
func (e *exportError) Unwrap() error { return e.cause }

// clean makes an error of an exporter fit to be printed. What a backend says is
// somebody else's text; the secrets that it echoes, which come from secretsOf,
// are taken out.
func clean(err error, secrets ...string) error {
	var done *exportError
	if err == nil || errors.As(err, &done) {
		return err
	}
	return &exportError{text: cleanText(err.Error(), secrets), cause: err}
}

func cleanText(text string, secrets []string) string {
	text = cut(text, maxRaw)
	for _, secret := range secrets {
		text = redactEnd(strings.ReplaceAll(text, secret, redacted), secret)
	}
	text = urls.ReplaceAllStringFunc(text, func(found string) string {
		scheme, rest, _ := strings.Cut(found, "://")
		short := scheme + "://" + hostOf(rest)
		if strings.HasSuffix(found, ":") && !strings.HasSuffix(short, ":") {
			short += ":"
		}
		return short
	})
	return cut(escapeControl(text), maxError)
}

var urls = regexp.MustCompile(`(?i)\bhttps?://[^\s"]+`)

// redactEnd takes out the beginning of a secret where the text breaks off.
func redactEnd(text, secret string) string {
	rest := strings.TrimRight(text, ")"+ellipsis)
	for n := len(secret) - 1; n >= minSecret; n-- {
		if before, ok := strings.CutSuffix(rest, secret[:n]); ok {
			return before + redacted + text[len(rest):]
		}
	}
	return text
}

// cut shortens text to at most limit bytes, on a rune's edge.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit-len(ellipsis)], "") + ellipsis
}

// escapeControl writes what would break a line or hide text as Go does in
// quoted strings.
func escapeControl(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if !strings.ContainsFunc(text, isHidden) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if isHidden(r) {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isHidden(r rune) bool { return !unicode.IsPrint(r) }
