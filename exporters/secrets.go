package exporters

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strings"
)

// minSecret keeps a header value such as "1" from blanking out half of a text.
const minSecret = 6

// secretsOf returns what must not be read in an error: the tokens, and of the
// headers each value, each of its words and what Basic encodes. The longest come
// first, so that no part of one is left when another is taken out.
func secretsOf(headers map[string]string, tokens ...string) []string {
	all := slices.Clone(tokens)
	for _, value := range headers {
		words := strings.Fields(value)
		all = append(all, value)
		if len(words) > 1 && isScheme(words[0]) {
			if strings.EqualFold(words[0], "Basic") {
				all = append(all, basicParts(words[1])...)
			}
			words = words[1:]
		}
		all = append(all, words...)
	}
	all = slices.DeleteFunc(all, func(secret string) bool { return len(secret) < minSecret })
	slices.SortFunc(all, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return all
}

// isScheme reports whether a word only says how the credentials after it are
// to be read. It helps to understand an error.
func isScheme(word string) bool {
	return slices.Contains([]string{"basic", "bearer", "digest", "apikey", "api-key", "api-token"}, strings.ToLower(word))
}

// basicParts returns user and password of Basic, together and apart.
func basicParts(encoded string) []string {
	pair, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if err != nil {
		return nil
	}
	user, password, _ := strings.Cut(string(pair), ":")
	return []string{string(pair), user, password}
}
