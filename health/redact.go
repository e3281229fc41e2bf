package health

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxText bounds a message or a string detail, in bytes: errors of drivers
// quote whole statements.
const maxText = 1 << 10

var (
	userinfo = regexp.MustCompile(`([^\s:/@"'=]*):(?:[^\s/]|/[^\s/])\S*@`)
	bearer   = regexp.MustCompile(`(?i)\b(bearer|basic)\s+\S{6,}`)
	secret   = regexp.MustCompile(`(?i)\b([\w-]*(?:password|passwd|pwd|secret|token|api[_-]?key|authorization))("?\s*[=:]\s*)("[^"]*(?:"|$)|'[^']*(?:'|$)|\S+)`)
)

// redact makes text of foreign origin fit for reports and telemetry: without
// the passwords of connection strings and the values of settings named like
// secrets, valid UTF-8, and bounded. It can't know every secret, which is why
// HTTP answers hide messages unless told otherwise.
func redact(text string) string {
	text = head(strings.ToValidUTF8(text, "\uFFFD"))
	text = userinfo.ReplaceAllString(text, "$1:***@")
	text = bearer.ReplaceAllString(text, "$1 ***")
	text = secret.ReplaceAllString(text, "$1$2***")
	return clip(text, maxText)
}

// head bounds the work of the expressions. It cuts between words, because half
// a connection string no longer looks like one.
func head(text string) string {
	const limit = 4 * maxText
	if len(text) <= limit {
		return text
	}
	words := strings.LastIndexAny(text[:limit], " \t\r\n") + 1
	if words == 0 {
		return fmt.Sprintf("… (%d bytes without a space)", len(text))
	}
	return text[:words] + "…"
}

// clip cuts text to at most limit bytes, never inside a rune.
func clip(text string, limit int) string {
	const mark = "…"
	if len(text) <= limit {
		return text
	}
	end := limit - len(mark)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + mark
}
