package otelmon

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestErrorHandlerTellsTheSameTroubleOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		h := newErrorHandler(slog.NewTextHandler(&out, nil))
		for i := range 500 {
			h.Handle(fmt.Errorf("export to 127.0.0.1:%d refused after %d ms", 4000+i, i))
		}
		if n := strings.Count(out.String(), "\n"); n != 1 {
			t.Errorf("%d lines for one trouble", n)
		}
		time.Sleep(errorPause) //nolint:forbidigo // virtual time
		out.Reset()
		h.Handle(errors.New("export to 127.0.0.1:9 refused after 1 ms"))
		if !strings.Contains(out.String(), "left_out=499") {
			t.Errorf("what was left out is not counted: %s", &out)
		}
	})
}

func TestErrorHandlerBoundsWhatAHostileServerCanWrite(t *testing.T) {
	var out bytes.Buffer
	h := newErrorHandler(slog.NewTextHandler(&out, nil))
	for i := range 1000 {
		h.Handle(errors.New(strings.Repeat(string(rune('a'+i%26)), 1+i) + "\nforged line \xff" + strings.Repeat("x", 1<<14)))
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) > maxErrorKinds {
		t.Errorf("%d lines", len(lines))
	}
	for _, line := range lines {
		if len(line) > 2*maxErrorText || strings.HasPrefix(line, "forged") {
			t.Errorf("line of %d bytes: %.80s", len(line), line)
		}
	}
}

func TestErrorHandlerIgnoresNil(t *testing.T) {
	var out bytes.Buffer
	newErrorHandler(slog.NewTextHandler(&out, nil)).Handle(nil)
	if out.Len() != 0 {
		t.Error(out.String())
	}
}

func TestOneOutageIsToldOnceAndInWordsThatHelp(t *testing.T) {
	var out bytes.Buffer
	h := newErrorHandler(slog.NewTextHandler(&out, nil))
	for _, signal := range []string{"traces", "metrics", "logs"} {
		h.Handle(fmt.Errorf("%s export: %w", signal, syscall.ECONNREFUSED))
	}
	if n := strings.Count(out.String(), "\n"); n != 1 || !strings.Contains(out.String(), "Nothing listens") || !strings.Contains(out.String(), "traces export") {
		t.Errorf("%d lines:\n%s", n, &out)
	}
}
