package sanitize

import "strings"

// assigned finds the value that is assigned to the name of a secret at i, an
// equals sign or a colon: in queries, data source names, JSON, headers and
// sentences.
func (r *Rules) assigned(s string, i int) (start, end int) {
	name, quoted, query := nameBefore(s, i)
	if len(name) < 3 {
		return 0, 0
	}
	t := r.terms.judge(name)
	if t == nil && query && isSignature(name) {
		t = &term{}
	}
	if t == nil {
		return 0, 0
	}
	start, end = valueAfter(s, i+1, t)
	value := s[start:end]
	if strings.HasPrefix(s[start:], Redacted) || isNothing(value) {
		return 0, 0
	}
	if s[i] == ':' && !quoted && !t.own && (start > i+1 || t.weak) && !isOpaque(value, t) {
		return 0, 0
	}
	return start, end
}

// nameBefore returns the name that ends at i, whether it is quoted, and whether
// it is one of a query.
func nameBefore(s string, i int) (name string, quoted, query bool) {
	end := i
	if end > 0 && s[end-1] == ' ' && s[i] == '=' {
		end--
	}
	end = unstyled(s, end)
	if end > 0 && (s[end-1] == '"' || s[end-1] == '\'') {
		quoted = true
		end--
		if end > 0 && s[end-1] == '\\' {
			end--
		}
	}
	start := end
	for start > 0 && end-start < maxName && (isAlnum(s[start-1]) || strings.IndexByte("_-.", s[start-1]) >= 0) {
		start--
	}
	query = s[i] == '=' && (start == 0 || s[start-1] == '?' || s[start-1] == '&')
	return s[start:end], quoted, query
}

// unstyled returns where the text that ends at end ends without the sequence that
// sets a terminal's style, as loggers with colours write it behind a name.
func unstyled(s string, end int) int {
	if end == 0 || s[end-1] != 'm' {
		return end
	}
	i := end - 1
	for i > 0 && (isDigit(s[i-1]) || s[i-1] == ';') {
		i--
	}
	for _, begin := range [...]string{"\x1b[", `\u001b[`, `\x1b[`} {
		if text, ok := strings.CutSuffix(s[:i], begin); ok {
			return len(text)
		}
	}
	return end
}

// valueAfter returns the value from i on: what is quoted, or up to a space or a
// sign that ends values. An ampersand does where the next name follows.
func valueAfter(s string, i int, t *term) (start, end int) {
	for n := 0; n < 2 && i < len(s) && s[i] == ' '; n++ {
		i++
	}
	if quote, ok := quoteAt(s, i); ok {
		start = i + len(quote)
		return start, closing(s, start, quote)
	}
	end = i
	if t.line {
		for end < len(s) && strings.IndexByte("\r\n\"", s[end]) < 0 {
			end++
		}
		return i, end
	}
	if word := run(s, i, "-"); isScheme(s[i:word]) && word < len(s) && s[word] == ' ' {
		end = word + 1
	}
	for end < len(s) && strings.IndexByte(" \t\r\n\"'`;<>", s[end]) < 0 {
		if s[end] == '&' {
			if next := run(s, end+1, "_-.%[]"); next > end+1 && next < len(s) && s[next] == '=' {
				break
			}
		}
		end++
	}
	return i, i + len(strings.TrimRight(s[i:end], ")}],."))
}

// quoteAt returns the quote that opens at i, with a backslash inside a string
// that is quoted itself.
func quoteAt(s string, i int) (string, bool) {
	for _, quote := range [...]string{`"`, `'`, "`", `\"`} {
		if strings.HasPrefix(s[i:], quote) {
			return quote, true
		}
	}
	return "", false
}

func closing(s string, i int, quote string) int {
	for i < len(s) && !strings.HasPrefix(s[i:], quote) {
		if s[i] == '\\' {
			i++
		}
		i++
	}
	return min(i, len(s))
}

// isSignature knows the parameters that sign a URL: the semantic conventions
// list them.
func isSignature(name string) bool {
	name = strings.ToLower(name)
	return name == "sig" || strings.HasSuffix(name, "signature")
}

func isScheme(word string) bool {
	switch strings.ToLower(word) {
	case "basic", "bearer", "digest", "negotiate", "token", "apikey":
		return true
	}
	return false
}

func isNothing(value string) bool {
	switch strings.ToLower(value) {
	case "", "true", "false", "null", "nil", "none", "<nil>":
		return true
	}
	return false
}

// isOpaque tells a value from the next word of a sentence, for which a colon is
// as usual.
func isOpaque(value string, t *term) bool {
	digits, odd := false, false
	for i := range len(value) {
		c := value[i]
		digits = digits || isDigit(c)
		odd = odd || !isAlnum(c) || i > 0 && isUpper(c)
	}
	if t.line {
		return strings.Contains(value, "=")
	}
	if t.weak {
		return digits && len(value) >= 8
	}
	return digits || odd
}
