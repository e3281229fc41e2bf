package health

import (
	"mime"
	"strconv"
	"strings"
)

// The formats of an answer.
const (
	typeText       = "text/plain; charset=utf-8"
	typeJSON       = "application/json"
	typeHealthJSON = "application/health+json"
)

// negotiate returns the format that the Accept header rates highest (RFC 9110,
// 12.5.1). Wildcards mean text, and of equals the first of text, health+json and
// JSON is taken.
func negotiate(accept []string) string {
	var text, json, healthJSON float64
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		kind, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		switch quality := quality(params["q"]); kind {
		case typeJSON:
			json = max(json, quality)
		case typeHealthJSON:
			healthJSON = max(healthJSON, quality)
		case "text/plain", "text/*":
			text = max(text, quality)
		}
	}
	switch {
	case text >= max(json, healthJSON):
		return typeText
	case healthJSON >= json:
		return typeHealthJSON
	default:
		return typeJSON
	}
}

func quality(q string) float64 {
	if q == "" {
		return 1
	}
	value, err := strconv.ParseFloat(q, 64)
	if err != nil || !(value >= 0 && value <= 1) {
		return 0
	}
	return value
}
