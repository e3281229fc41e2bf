package main

import (
	"errors"
	"flag"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFlags(t *testing.T) {
	f, err := parseFlags([]string{"-addr", ":9090", "-db", "x.db", "-root", "src", "-traffic", "-once", "-fresh"}, io.Discard)
	if err != nil || !filepath.IsAbs(f.db) || f.addr != ":9090" || f.root != "src" || !f.traffic || !f.once || !f.fresh {
		t.Errorf("%+v, %v", f, err)
	}
	f, err = parseFlags(nil, io.Discard)
	if err != nil || f.addr != "127.0.0.1:8080" || filepath.Base(f.db) != "codesearch.db" || f.traffic || f.once || f.fresh {
		t.Errorf("the defaults are %+v, %v", f, err)
	}
	f, err = parseFlags([]string{"-fault", "lock, leak", "-fault-after", "5s"}, io.Discard)
	if err != nil || !slices.Equal(f.faults, []string{heldLock, leak}) || f.faultAfter != 5*time.Second {
		t.Errorf("%+v, %v", f, err)
	}
	t.Setenv(tokenVariable, "a token of a file")
	var help strings.Builder
	if f, err := parseFlags(nil, io.Discard); err != nil || f.token != "a token of a file" {
		t.Errorf("%q, %v", f.token, err)
	}
	if _, err := parseFlags([]string{"-help"}, &help); !errors.Is(err, flag.ErrHelp) || !strings.Contains(help.String(), "-traffic") ||
		!strings.Contains(help.String(), nPlusOne) || strings.Contains(help.String(), "a token of") {
		t.Errorf("%v, %q", err, help.String())
	}
	for _, args := range [][]string{{"src"}, {"-unknown"}, {"-once=maybe"}, {"-fault", "flood"}, {"-token", "short"}} {
		if _, err := parseFlags(args, io.Discard); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}

// TestDefaultDatabaseWithoutHome: there may be no folder for it, as in a bare
// container.
func TestDefaultDatabaseWithoutHome(t *testing.T) {
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "LocalAppData"} {
		t.Setenv(name, "")
	}
	if got := defaultDatabase(); got != "codesearch.db" {
		t.Errorf("got %q", got)
	}
}
