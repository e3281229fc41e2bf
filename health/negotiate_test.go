package health

import (
	"strings"
	"testing"
)

func TestAcceptNegotiation(t *testing.T) {
	for accept, want := range map[string]string{
		"":                                                  typeText,
		"*/*":                                               typeText,
		"application/json":                                  typeJSON,
		"Application/JSON; charset=utf-8":                   typeJSON,
		"text/html,application/json;q=0.9":                  typeJSON,
		"text/plain, application/json":                      typeText,
		"text/plain;q=0.5, application/json":                typeJSON,
		"application/json;q=0":                              typeText,
		"text/plain,application/json;q=5":                   typeText,
		"application/json;q=x":                              typeText,
		"application/json;q=NaN":                            typeText,
		"application/*":                                     typeText,
		"text/*;q=0.1,application/json;q=0.2":               typeJSON,
		"application/health+json":                           typeHealthJSON,
		"application/health+json, application/json":         typeHealthJSON,
		"application/health+json;q=0.9, application/json":   typeJSON,
		"application/health+json, text/plain":               typeText,
		";;;,application/json":                              typeJSON,
		"text/html,application/xhtml+xml,application/xml,*": typeText,
	} {
		if got := negotiate([]string{accept}); got != want {
			t.Errorf("negotiate(%q) = %s", accept, got)
		}
	}
	if negotiate([]string{"text/html", "application/json"}) != typeJSON {
		t.Error("a second header line is ignored")
	}
}

func FuzzAccept(f *testing.F) {
	f.Add("text/plain;q=0.5, application/json")
	f.Fuzz(func(t *testing.T, accept string) {
		if kind := negotiate([]string{accept}); kind != typeText && !strings.Contains(strings.ToLower(accept), kind) {
			t.Errorf("%s for %q", kind, accept)
		}
	})
}
