package store

import "bytes"

// maxTemplate bounds what is looked at of a body to make its template.
const maxTemplate = 512

// mask appends s with everything that differs between records of one sort
// replaced: quoted strings, UUIDs, hexadecimal and other numbers. Runs of white
// space become one blank.
func mask(b, s []byte) []byte {
	head := len(b)
	s = cutBytes(s, maxTemplate)
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			if len(b) > head && b[len(b)-1] != ' ' {
				b = append(b, ' ')
			}
			i++
		case c == '"' || c == '\'' || c == '`':
			n := quotedLen(s, i)
			if n == 0 {
				b = append(b, c)
				i++
				continue
			}
			b = append(b, "<str>"...)
			i += n
		case isWord(c):
			n, digits := 0, 0
			for ; i+n < len(s) && (isWord(s[i+n]) || s[i+n] == '-'); n++ {
				if isDigit(s[i+n]) {
					digits++
				}
			}
			b = maskWord(b, s[i:i+n], digits)
			i += n
		default:
			b = append(b, c)
			i++
		}
	}
	if len(b) > head {
		b = bytes.TrimSuffix(b, []byte{' '})
	}
	return b
}

func isWord(c byte) bool {
	return isDigit(c) || (c|0x20 >= 'a' && c|0x20 <= 'z') || c == '_'
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// quotedLen returns the length of the quoted string that starts at s[i], zero
// when none does: an apostrophe within a word is no quote.
func quotedLen(s []byte, i int) int {
	if i > 0 && isWord(s[i-1]) {
		return 0
	}
	for n := i + 1; n < len(s); n++ {
		switch s[n] {
		case '\\':
			n++
		case s[i]:
			if n+1 == len(s) || !isWord(s[n+1]) {
				return n + 1 - i
			}
		}
	}
	return 0
}

// maskWord appends a word of letters, digits, underscores and hyphens.
func maskWord(b, w []byte, digits int) []byte {
	if digits == 0 {
		return append(b, w...)
	}
	hex := digits
	for _, c := range w {
		if c |= 0x20; c >= 'a' && c <= 'f' {
			hex++
		}
	}
	switch {
	case len(w) == 36 && hex == 32 && w[8] == '-' && w[13] == '-' && w[18] == '-' && w[23] == '-':
		return append(b, "<uuid>"...)
	case hex == len(w) && hex > digits && len(w) >= 6, len(w) > 2 && w[0] == '0' && w[1] == 'x' && hex == len(w)-1:
		return append(b, "<hex>"...)
	}
	for i := 0; i < len(w); {
		if !isDigit(w[i]) {
			b = append(b, w[i])
			i++
			continue
		}
		for i < len(w) && isDigit(w[i]) {
			i++
		}
		b = appendNumber(b)
	}
	return b
}

// appendNumber makes one mask of the groups of a number: 1,200.5 and 10.0.0.1:80
// are as many digits as they like.
func appendNumber(b []byte) []byte {
	const number = "<num>"
	if n := len(b) - 1; n > 0 && bytes.HasSuffix(b[:n], []byte(number)) && bytes.IndexByte([]byte(".,:"), b[n]) >= 0 {
		return b[:n]
	}
	return append(b, number...)
}
