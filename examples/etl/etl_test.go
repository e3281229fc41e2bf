package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/goleak"

	"github.com/otelmon/otelmon-go/internal/loopback"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const header = "id,customer,amount,placed\n"

func TestFlags(t *testing.T) {
	keepTelemetry(t)
	if err := run(t.Context(), []string{"-help"}, io.Discard, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("help: %v", err)
	}
	file := write(t, header)
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"orders.csv"}, "flags only"},
		{nil, "-file is missing"},
		{[]string{"-file", file, "-table", ""}, "-table"},
		{[]string{"-file", file, "-generate", "-1"}, "-generate"},
		{[]string{"-file", file, "-generate", "1"}, "file exists"},
		{[]string{"-file", file, "-postgres", "mysql://somewhere"}, "-postgres"},
		{[]string{"-file", file, "-postgres", "postgres://" + loopback.Addr(t) + "/shop"}, "PostgreSQL"},
		{[]string{"-file", file + ".none"}, "no such file"},
		{[]string{"-file", t.TempDir()}, "is a directory"},
	} {
		if err := run(t.Context(), test.args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: %v, want one with %q", test.args, err, test.want)
		}
	}
}

// TestGenerate: a sample is what the program reads, and no file is replaced.
func TestGenerate(t *testing.T) {
	name := filepath.Join(t.TempDir(), "orders.csv")
	if err := run(t.Context(), []string{"-file", name, "-generate", "1500"}, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	if err := generate(name, 1); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a file is replaced: %v", err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var id int64
	for r, err := range records(file) {
		if err != nil {
			t.Fatal(err)
		}
		o, err := orderOf(r)
		if id++; err != nil || o.id != id || r.key() != r.fields[0] {
			t.Fatalf("row %d is %+v, %v", id, o, err)
		}
	}
	if id != 1500 {
		t.Errorf("%d rows, want 1500", id)
	}
}

func TestOrders(t *testing.T) {
	for row, want := range map[string]string{
		`7,"Smith, ""A""",12.50,2026-02-28`:            "",
		"-7,A,-0.05,2026-02-28":                        "",
		"7,A,12.50":                                    "wrong number of fields",
		"7,A,12.50,2026-02-28,x":                       "wrong number of fields",
		",A,12.50,2026-02-28":                          `line 2: id ""`,
		"07,A,12.50,2026-02-28":                        "id",
		"+7,A,12.50,2026-02-28":                        "id",
		"9223372036854775808,A,12.50,2026-02-28":       "id",
		"7, ,12.50,2026-02-28":                         "customer",
		"7,A\x00,12.50,2026-02-28":                     "customer",
		"7,A\xff,12.50,2026-02-28":                     "customer",
		"7,A,12,2026-02-28":                            "amount",
		"7,A,.50,2026-02-28":                           "amount",
		"7,A,1.-5,2026-02-28":                          "amount",
		"7,A,NaN,2026-02-28":                           "amount",
		"7,A,99999999999999999999.00,2026-02-28":       "amount",
		"7,A,12.50,2026-02-30":                         "placed",
		strings.Repeat("9", 1000) + ",A,1.00,20260228": "id",
	} {
		n := 0
		for r, err := range records(strings.NewReader(header + row + "\n")) {
			if n++; err != nil {
				t.Errorf("%.40q: %v ends the file", row, err)
				break
			}
			_, err = orderOf(r)
			if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%.40q: %v, want one with %q", row, err, want)
			}
		}
		if n != 1 {
			t.Errorf("%.40q: %d records", row, n)
		}
	}
	o, err := orderOf(record{fields: []string{"-7", " A ", "-0.05", "2026-02-28"}})
	if want := (order{-7, "A", -5, time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC)}); o != want || err != nil {
		t.Errorf("%+v, %v; want %+v", o, err, want)
	}
}

// TestBatch: bad rows are told by where they stand, and good ones are kept.
func TestBatch(t *testing.T) {
	var batch []record
	for r, err := range records(strings.NewReader(header + "1,A,1.00,2026-02-28\n2,A\n3,A,1.00,2026-02-28\n4,A,1,2026-02-28\n")) {
		if err != nil {
			t.Fatal(err)
		}
		batch = append(batch, r)
	}
	good, at, bad := orders(batch)
	if len(good) != 2 || good[1].id != 3 || at[1] != 2 || len(bad) != 2 || bad[0].Index != 1 || bad[1].Index != 3 {
		t.Errorf("good %v at %v, bad %v", good, at, bad)
	}
	if a, b := (record{line: 3, err: errors.New("")}), (record{line: 4, err: errors.New("")}); a.key() == b.key() {
		t.Error("bad rows wait for each other")
	}
}

// TestBrokenFile: what makes the rest of a file unreadable is found before the
// database is touched.
func TestBrokenFile(t *testing.T) {
	keepTelemetry(t)
	for content, want := range map[string]string{
		"":                                   "the header is []",
		"id,name\n":                          "the header is",
		"7,A,12.50,2026-02-28\n":             "the header is",
		header + "7,A\"B,12.50,2026-02-28\n": "line 2, column 4",
		header + "7,\"A,12.50,2026-02-28\n8,B,1.00,2026-02-28\n": "extraneous or missing",
	} {
		args := []string{"-file", write(t, content), "-postgres", "postgres://" + loopback.Addr(t) + "/shop"}
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want one with %q", content, err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := inspect(ctx, strings.NewReader(header+"1,A,1.00,2026-02-28\n")); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func TestInspect(t *testing.T) {
	a, err := inspect(t.Context(), strings.NewReader(header+"1,A,1.00,2026-02-28\n2,A\n"))
	b, err2 := inspect(t.Context(), strings.NewReader(header+"1,A,1.00,2026-02-28\n3,A\n"))
	if a.rows != 2 || b.rows != 2 || a.hash == b.hash || err != nil || err2 != nil {
		t.Errorf("%+v, %v; %+v, %v", a, err, b, err2)
	}
}

// TestCodes: what the data is blamed for, and what is tried again.
func TestCodes(t *testing.T) {
	for code, want := range map[string][2]bool{
		"22003": {true, false}, "23514": {true, false}, "40P01": {false, true}, "53300": {false, false},
		"53100": {false, false}, "57P01": {false, false}, "42703": {false, false}, "": {false, false},
	} {
		if err := error(&pgconn.PgError{Code: code}); [2]bool{refused(err), busy(err)} != want {
			t.Errorf("%q: refused %t, busy %t", code, refused(err), busy(err))
		}
	}
	if refused(net.ErrClosed) || busy(net.ErrClosed) {
		t.Error("only an answer of the database tells")
	}
}

func FuzzRecords(f *testing.F) {
	f.Add(header + "7,A,12.50,2026-02-28\n")
	f.Add(header + "7,\"A\n\",12.50\n\n,,,\n")
	f.Fuzz(func(_ *testing.T, content string) {
		for r, err := range records(strings.NewReader(content)) {
			if err == nil {
				_, _ = orderOf(r)
				_, _ = r.key(), r.size()
			}
		}
	})
}

func keepTelemetry(t *testing.T) {
	t.Helper()
	for _, signal := range []string{"TRACES", "METRICS", "LOGS"} {
		t.Setenv("OTEL_"+signal+"_EXPORTER", "none")
	}
}

func write(t *testing.T, content string) (name string) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "orders.csv")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
