package main

import (
	"errors"
	"flag"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/otelmon/otelmon-go/internal/loopback"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFlags(t *testing.T) {
	for _, signal := range []string{"TRACES", "METRICS", "LOGS"} {
		t.Setenv("OTEL_"+signal+"_EXPORTER", "none")
	}
	if err := run(t.Context(), []string{"-help"}, io.Discard, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("help: %v", err)
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "say coordinate or work"},
		{[]string{"play"}, "say coordinate or work"},
		{[]string{"work", "-name", "a"}, "after the flags"},
		{[]string{"-name", "", "work"}, "-name"},
		{[]string{"-rows", "0", "coordinate"}, "-rows"},
		{[]string{"-parts", "0", "coordinate"}, "-parts"},
		{[]string{"-parts", "10001", "coordinate"}, "-parts"},
		{[]string{"-rescue", "1ms", "work"}, "-rescue"},
		{[]string{"-postgres", "mysql://somewhere", "work"}, "-postgres"},
		{[]string{"-postgres", "postgres://" + loopback.Addr(t) + "/shop", "work"}, "PostgreSQL"},
	} {
		if err := run(t.Context(), test.args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: %v, want one with %q", test.args, err, test.want)
		}
	}
}

func TestSlug(t *testing.T) {
	var r result
	for i, title := range []string{"Smith & Sons: report no. 7", " Été—2026 ", "???", ""} {
		r.add(int64(i), slug(title))
	}
	if strings.Join(r.slugs, " ") != "smith-sons-report-no-7 été-2026" || len(r.ids) != 2 || len(r.bad) != 2 || r.bad[0] != 2 {
		t.Errorf("%+v", r)
	}
}

// TestPartEndsLast: what a job has committed is counted, however late.
func TestPartEndsLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		p := joinParts(t.Context(), nil, "a", &out)
		op, first := p.enter(partition{Operation: "0123"})
		same, second := p.enter(partition{Operation: "0123"})
		other, third := p.enter(partition{Operation: "4567"})
		if same != op || other == op {
			t.Error("a process has one part in each operation")
		}
		first()
		third()
		go p.leave()
		synctest.Wait()
		op.Add(5)
		second()
		synctest.Wait()
		if got := out.String(); strings.Count(got, "worker a, canceled: ") != 2 || !strings.Contains(got, ": 5 rows written, 0 failed") {
			t.Errorf("told:\n%s", got)
		}
	})
}
