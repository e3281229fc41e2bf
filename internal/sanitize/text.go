package sanitize

import (
	"encoding/base64"
	"strings"
)

const (
	maxSecret   = 4 << 10 // bytes of one that are looked at behind a cut, which would sever it
	maxUserinfo = 1 << 10 // bounds the search for the end of one
	maxName     = 64
)

// redact replaces the secrets in a text that begin before keep, and leaves out
// what follows these and keep. It returns how far it came. Each rule that holds
// for a text's beginning holds for the whole text, so that a text that was cut is
// not redacted further.
func (r *Rules) redact(text string, keep int) (done string, at int) {
	start, end := r.find(text, 0)
	if end == 0 || start >= keep {
		return text[:keep], keep
	}
	var b strings.Builder
	for end > 0 && start < keep {
		b.WriteString(text[at:start])
		b.WriteString(Redacted)
		at = end
		start, end = r.find(text, at)
	}
	if at < keep {
		b.WriteString(text[at:keep])
		at = keep
	}
	return b.String(), at
}

// find returns where the first secret from a place on starts and ends, and 0
// for the end if there is none. Only bytes that are rare in texts are looked
// at closely.
func (r *Rules) find(s string, from int) (start, end int) {
	r.ready()
	const (
		low  = uint64(1<<' ' | 1<<'-' | 1<<':' | 1<<'=')
		high = uint64(1<<('@'-64) | 1<<('I'-64) | 1<<('J'-64) | 1<<('_'-64))
	)
	for i := from; i < len(s); i++ {
		c := s[i]
		mask := low
		if c >= 64 {
			mask = high
		}
		if c >= 128 || mask>>(c&63)&1 == 0 {
			continue
		}
		if c == ' ' && (i == 0 || s[i-1]|0x20 != 'r' && s[i-1]|0x20 != 'c') {
			continue
		}
		if start, end = r.at(s, i); end > from && end > start {
			return max(start, from), end
		}
	}
	return 0, 0
}

// at looks for a secret around the byte i.
func (r *Rules) at(s string, i int) (start, end int) {
	switch s[i] {
	case ' ':
		return scheme(s, i)
	case '=':
		return r.assigned(s, i)
	case ':':
		if strings.HasPrefix(s[i:], "://") {
			return userinfo(s, i+len("://"))
		}
		return r.assigned(s, i)
	case '@':
		return driverPassword(s, i)
	case '-':
		if strings.HasPrefix(s[i:], "-----BEGIN ") {
			return privateKey(s, i)
		}
		return hyphened(s, i)
	case '_':
		return underscored(s, i)
	case 'J':
		return webToken(s, i)
	case 'I':
		return cloudKey(s, i)
	}
	return 0, 0
}

// scheme finds the credentials after Bearer and Basic.
func scheme(s string, i int) (start, end int) {
	word := s[max(0, i-len("Bearer")):i]
	bearer := strings.EqualFold(word, "Bearer")
	if !bearer {
		word = s[max(0, i-len("Basic")):i]
		if !strings.EqualFold(word, "Basic") {
			return 0, 0
		}
	}
	if !begins(s, i-len(word)) {
		return 0, 0
	}
	start = i + 1
	end = run(s, start, "._~+/=-")
	token := s[start:end]
	if bearer {
		if len(token) >= 20 || len(token) >= 8 && strings.ContainsAny(token, "0123456789") {
			return start, end
		}
		return 0, 0
	}
	token = strings.TrimRight(token, "=")
	plain, err := base64.RawStdEncoding.DecodeString(token[:len(token)/4*4])
	if err != nil || !strings.Contains(string(plain), ":") {
		return 0, 0
	}
	return start, end
}

// userinfo finds user and password of a URL, also a password with characters
// that belong escaped.
func userinfo(s string, start int) (int, int) {
	end, port := min(len(s), start+maxUserinfo), true
	at, slash, colon := -1, -1, -1
scan:
	for i := start; i < end; i++ {
		switch c := s[i]; c {
		case ' ', '\t', '\r', '\n', '"', '\'', '`', '<', '>':
			break scan
		case '@':
			if slash < 0 || !port {
				at = i
			}
		case '/', '?', '#', '\\':
			if slash < 0 {
				slash = i
				if at >= 0 || colon < 0 {
					break scan
				}
			}
		case ':':
			if slash < 0 && colon < 0 {
				colon = i
			}
		default:
			if slash < 0 && colon >= 0 && !isDigit(c) && s[start] != '[' {
				port = false
			}
		}
	}
	if at <= start || strings.HasPrefix(s[start:], Redacted) {
		return 0, 0
	}
	return start, at
}

// driverPassword finds the password of user:password@tcp(host)/name, as Go's
// MySQL driver writes it.
func driverPassword(s string, i int) (start, end int) {
	if !strings.HasPrefix(s[i+1:], "tcp(") && !strings.HasPrefix(s[i+1:], "unix(") {
		return 0, 0
	}
	from := max(0, i-maxUserinfo)
	from += strings.LastIndexAny(s[from:i], " \t\r\n\"'`=") + 1
	n := strings.IndexByte(s[from:i], ':')
	if n < 0 || s[from+n+1:i] == Redacted {
		return 0, 0
	}
	return from + n + 1, i
}

func privateKey(s string, i int) (start, end int) {
	const label, last = "PRIVATE KEY", "-----END "
	if head := s[i:min(len(s), i+48)]; !strings.Contains(head, label) {
		return 0, 0
	}
	n := strings.Index(s[i:], last)
	if n < 0 {
		return i, len(s)
	}
	end = i + n + len(last)
	if m := strings.Index(s[end:min(len(s), end+48)], "-----"); m >= 0 {
		return i, end + m + len("-----")
	}
	return i, len(s)
}

// hyphened finds tokens of Slack, GitLab, OpenAI and Anthropic.
func hyphened(s string, i int) (start, end int) {
	for _, p := range [...]struct{ before, after string }{
		{"xoxb", ""},
		{"xoxp", ""},
		{"xoxa", ""},
		{"xoxe", ""},
		{"xoxr", ""},
		{"xoxs", ""},
		{"xapp", ""},
		{"glpat", ""},
		{"sk", "proj-"},
		{"sk", "svcacct-"},
		{"sk", "ant-"},
	} {
		if start, end = marked(s, i, p.before, p.after, "-_", 12); end > 0 {
			return start, end
		}
	}
	return 0, 0
}

// underscored finds tokens of GitHub, Stripe and npm.
func underscored(s string, i int) (start, end int) {
	for _, p := range [...]struct{ before, after string }{
		{"ghp", ""},
		{"gho", ""},
		{"ghu", ""},
		{"ghs", ""},
		{"ghr", ""},
		{"github", "pat_"},
		{"sk", "live_"},
		{"sk", "test_"},
		{"rk", "live_"},
		{"rk", "test_"},
		{"whsec", ""},
		{"npm", ""},
	} {
		if start, end = marked(s, i, p.before, p.after, "_", 16); end > 0 {
			return start, end
		}
	}
	return 0, 0
}

// marked finds a token with i behind the first part of its mark and at least so
// many characters after the rest of it, one a digit.
func marked(s string, i int, before, after, also string, least int) (start, end int) {
	if i < len(before) || s[i-1] != before[len(before)-1] || s[i-len(before):i] != before || !strings.HasPrefix(s[i+1:], after) {
		return 0, 0
	}
	start = i - len(before)
	body := i + 1 + len(after)
	end = run(s, body, also)
	if !begins(s, start) || end-body < least || !strings.ContainsAny(s[body:end], "0123456789") {
		return 0, 0
	}
	return start, end
}

// webToken finds a JWT: base64 of {" begins with eyJ.
func webToken(s string, i int) (start, end int) {
	start = i - len("ey")
	if start < 0 || s[start:i] != "ey" || !begins(s, start) {
		return 0, 0
	}
	header := run(s, start, "-_")
	if header-start < 16 || header == len(s) || s[header] != '.' || run(s, header+1, "-_")-header < 8 {
		return 0, 0
	}
	return start, run(s, start, "-_.")
}

// cloudKey finds ids of AWS access keys and keys of Google's APIs.
func cloudKey(s string, i int) (start, end int) {
	if i < 1 || s[i-1] != 'A' && s[i-1] != 'K' && s[i-1] != 'S' {
		return 0, 0
	}
	if s[i-1] == 'A' && strings.HasPrefix(s[i+1:], "za") && begins(s, i-1) {
		if end = run(s, i, "-_"); end-i >= 34 {
			return i - 1, end
		}
		return 0, 0
	}
	if i < 2 || s[i-2] != 'A' || !strings.HasPrefix(s[i+1:], "A") || !begins(s, i-2) {
		return 0, 0
	}
	for end = i + 2; end < len(s) && (isUpper(s[end]) || isDigit(s[end])); end++ {
	}
	if end-i-2 < 16 {
		return 0, 0
	}
	return i - 2, end
}

// begins reports whether no word goes on at i.
func begins(s string, i int) bool { return i <= 0 || !isAlnum(s[i-1]) }

// run returns where the letters, digits and other bytes from i on end.
func run(s string, i int, also string) int {
	for i < len(s) && (isAlnum(s[i]) || strings.IndexByte(also, s[i]) >= 0) {
		i++
	}
	return i
}
