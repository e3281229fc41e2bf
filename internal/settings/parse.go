package settings

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// errNotBoolean marks a boolean that the specification reads as false but wants
// a warning for.
var errNotBoolean = errors.New("is neither true nor false and counts as false")

// parse reads raw as the variable's kind. The error says what is wrong with the
// value and what is allowed, without repeating the value.
func (v variable) parse(raw string) (value, error) {
	if !utf8.ValidString(raw) {
		return value{}, errors.New("is not valid UTF-8")
	}
	switch v.kind {
	case boolean:
		return parseBool(raw)
	case integer, limit, duration, timeout:
		return v.parseInt(raw)
	case ratio:
		return parseRatio(raw)
	case enum:
		word, err := v.word(raw)
		return value{text: word}, err
	case list:
		return v.parseList(raw)
	case headers, attributes:
		pairs, err := parsePairs(raw)
		return value{text: raw, pairs: pairs}, err
	default:
		return parseText(raw)
	}
}

func parseText(raw string) (value, error) {
	if i := strings.IndexFunc(raw, isControl); i >= 0 {
		return value{}, fmt.Errorf("has a control character at byte %d; remove it", i)
	}
	return value{text: raw}, nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

func parseBool(raw string) (value, error) {
	switch word := strings.ToLower(raw); word {
	case "true", "false":
		return value{text: word}, nil
	}
	return value{text: "false"}, errNotBoolean
}

func (v variable) parseInt(raw string) (value, error) {
	if v.kind == limit && raw == unlimited {
		return value{text: unlimited, number: -1}, nil
	}
	n, err := strconv.ParseInt(raw, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return value{}, fmt.Errorf("is not a whole number; allowed are %s", v.span())
	}
	if n < int64(v.min) || n > int64(v.max) {
		return value{}, fmt.Errorf("is out of range; allowed are %s", v.span())
	}
	if v.kind == timeout && n == 0 {
		n = math.MaxInt32 // the specification's own substitute for "no limit"
	}
	return value{text: raw, number: int(n)}, nil
}

// span words the allowed range.
func (v variable) span() string {
	s := fmt.Sprintf("%d to %d", v.min, v.max)
	switch v.kind {
	case duration:
		s += " milliseconds"
	case timeout:
		s += " milliseconds, 0 for no limit"
	}
	return s
}

func parseRatio(raw string) (value, error) {
	f, err := strconv.ParseFloat(raw, 64)
	if err != nil || !(f >= 0 && f <= 1) { // NaN is neither
		return value{}, errors.New("is not a number from 0 to 1, such as 0.25")
	}
	return value{text: raw, ratio: f}, nil
}

// word finds raw among the allowed values, whatever its case.
func (v variable) word(raw string) (string, error) {
	word := strings.ToLower(raw)
	if other, ok := v.alias[word]; ok {
		word = other
	}
	if slices.Contains(v.allowed, word) {
		return word, nil
	}
	if remedy, ok := v.refused[word]; ok {
		if remedy == "" {
			remedy = "supported are " + strings.Join(v.allowed, ", ")
		}
		return "", fmt.Errorf("is not supported; %s", remedy)
	}
	return "", fmt.Errorf("is unknown; allowed are %s", strings.Join(v.allowed, ", "))
}

// parseList reads words separated by commas; empty ones are passed over and
// each counts once.
func (v variable) parseList(raw string) (value, error) {
	var words []string
	var faults []error
	for part := range strings.SplitSeq(raw, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		word, err := v.word(part)
		if err != nil {
			faults = append(faults, fmt.Errorf("holds %s, which %w", quote(part), err))
			continue
		}
		if !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	if slices.Contains(words, none) {
		if len(words) > 1 {
			faults = append(faults, errors.New("mixes none with other values; write none alone"))
		}
		words = nil
	}
	if strings.Trim(raw, ", ") == "" {
		faults = append(faults, errors.New("names nothing; write none to switch off"))
	}
	return value{text: cmp.Or(strings.Join(words, ","), none), list: words}, errors.Join(faults...)
}

// parsePairs reads key=value pairs as W3C baggage writes them: separated by
// commas, percent-encoded. Values stay out of the errors.
func parsePairs(raw string) (map[string]string, error) {
	pairs := map[string]string{}
	var faults []error
	n := 0
	for part := range strings.SplitSeq(raw, ",") {
		n++
		if strings.TrimSpace(part) == "" {
			continue
		}
		key, val, err := parsePair(part)
		if err != nil {
			faults = append(faults, fmt.Errorf("has a fault in pair %d: %w", n, err))
			continue
		}
		pairs[key] = val
	}
	return pairs, errors.Join(faults...)
}

func parsePair(part string) (key, val string, err error) {
	rawKey, rawVal, found := strings.Cut(part, "=")
	if !found {
		return "", "", errors.New("it has no equals sign; write key=value")
	}
	key, err = unescape(rawKey)
	if err != nil || key == "" || strings.ContainsFunc(key, isControl) {
		return "", "", errors.New("its key is empty or cannot be decoded; write key=value")
	}
	if val, err = unescape(rawVal); err != nil {
		return "", "", fmt.Errorf("the value of %s %w", quote(key), err)
	}
	return key, val, nil
}

func unescape(raw string) (string, error) {
	s, err := url.PathUnescape(strings.TrimSpace(raw))
	if err != nil {
		return "", errors.New("is not percent-encoded; write % as %25")
	}
	if !utf8.ValidString(s) {
		return "", errors.New("is not valid UTF-8 once decoded")
	}
	return s, nil
}

// Pairs writes key-value pairs as the environment holds them, sorted and
// percent-encoded, for use in [Code].
func Pairs(pairs map[string]string) string {
	parts := make([]string, 0, len(pairs))
	for k, v := range pairs {
		parts = append(parts, escape(k)+"="+escape(v))
	}
	slices.Sort(parts)
	return strings.Join(parts, ",")
}

// escape leaves to QueryEscape what must be encoded, but for the space, which
// PathUnescape does not expect as a plus sign.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
