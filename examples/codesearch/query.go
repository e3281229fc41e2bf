package main

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxQueryLength = 200 // bytes
	maxQueryTerms  = 16
	minTermLength  = 3 // characters: the index is made of runs of three
)

// query is what somebody searches for, in the forms that it is needed in.
type query struct {
	match string   // an FTS5 expression, made of quoted strings alone
	marks []string // what to show in the text
}

// parseQuery reads words, "words with spaces", -without and path:part. Nothing
// of the input reaches the database unquoted. The fault, if any, is a sentence
// for those who typed the input.
func parseQuery(input string) (q query, fault string) {
	switch {
	case len(input) > maxQueryLength:
		return query{}, "This is too long: at most 200 characters can be searched for."
	case !utf8.ValidString(input):
		return query{}, "This is not text: it must be UTF-8."
	case strings.ContainsFunc(input, func(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) }):
		return query{}, "This is not text: it has control characters."
	}
	var with, without []string
	for _, t := range parseTerms(input) {
		switch {
		case utf8.RuneCountInString(t.text) < minTermLength:
			return query{}, "This is too short: each word needs three characters."
		case t.not:
			without = append(without, t.expression())
			continue
		case !t.path:
			q.marks = append(q.marks, t.text)
		}
		with = append(with, t.expression())
	}
	switch {
	case len(with)+len(without) > maxQueryTerms:
		return query{}, "These are too many words: at most 16 can be searched for."
	case len(with) == 0 && len(without) > 0:
		return query{}, "This only says what to leave out. Add a word to search for."
	case len(with) == 0:
		return query{}, "Type something to search for."
	}
	q.match = strings.Join(with, " AND ")
	if len(without) > 0 {
		q.match = "(" + q.match + ") NOT (" + strings.Join(without, " OR ") + ")"
	}
	return q, ""
}

// term is one part of a query.
type term struct {
	text      string
	not, path bool
}

// parseTerms splits at spaces outside of double quotes. A quote that is never
// closed is closed by the end.
func parseTerms(input string) []term {
	var terms []term
	for {
		input = strings.TrimLeftFunc(input, unicode.IsSpace)
		if input == "" {
			return terms
		}
		var t term
		input, t.not = strings.CutPrefix(input, "-")
		input, t.path = strings.CutPrefix(input, "path:")
		if phrase, ok := strings.CutPrefix(input, `"`); ok {
			t.text, input, _ = strings.Cut(phrase, `"`)
		} else {
			end := strings.IndexFunc(input, func(r rune) bool { return unicode.IsSpace(r) || r == '"' })
			if end < 0 {
				end = len(input)
			}
			t.text, input = input[:end], input[end:]
		}
		terms = append(terms, t)
	}
}

func (t term) expression() string {
	quoted := `"` + strings.ReplaceAll(t.text, `"`, `""`) + `"`
	if t.path {
		return "path : " + quoted
	}
	return quoted
}
