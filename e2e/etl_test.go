//go:build unix

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	etl      = "etl"
	etlRows  = 20_000
	etlLimit = 2 * time.Minute
	etlTable = "CREATE TABLE orders (id bigint PRIMARY KEY, customer text NOT NULL, cents bigint NOT NULL CHECK (cents >= 0), placed date NOT NULL)"
)

// table returns the orders in the database as the file that they came from.
func (pg *postgres) table(t *testing.T) string {
	t.Helper()
	out, err := pg.psql(t, "COPY (SELECT id, customer, round(cents / 100.0, 2) AS amount, placed FROM orders ORDER BY id) TO STDOUT WITH (FORMAT csv, HEADER)").Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// holds checks that the table has every row of the file and no other.
func (pg *postgres) holds(t *testing.T, file string) {
	t.Helper()
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := pg.table(t); got != string(want) {
		t.Errorf("the table differs from the file: %d rows", strings.Count(got, "\n")-1)
	}
}

// number is -1 until the statement can be run.
func (pg *postgres) number(t *testing.T, statement string) int {
	t.Helper()
	out, err := pg.psql(t, "COPY ("+statement+") TO STDOUT").Output()
	n, err2 := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil || err2 != nil {
		return -1
	}
	return n
}

// loadFile runs the program to its end and returns what it printed.
func (pg *postgres) loadFile(t *testing.T, code int, file string, args ...string) string {
	t.Helper()
	p := start(t, etl, withoutTelemetry(), append([]string{"-postgres", pg.url(), "-file", file}, args...)...)
	p.wait(t, etlLimit)
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("exit code %d, want %d:\n%s", got, code, p.output.String())
	}
	return p.output.String()
}

func printed(t *testing.T, output string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(output, text) {
			t.Errorf("no %q in:\n%s", text, output)
		}
	}
}

// TestLoadSurvivesKills: a load that is killed, and killed again, loses no row
// and goes on where it was.
func TestLoadSurvivesKills(t *testing.T) {
	pg := startPostgres(t)
	file := filepath.Join(t.TempDir(), "orders.csv")
	pg.loadFile(t, 0, file, "-generate", strconv.Itoa(etlRows))
	for _, rows := range []int{5_000, 11_000} {
		p := start(t, etl, withoutTelemetry(), "-postgres", pg.url(), "-file", file, "-rate", "2500")
		await(t, etlLimit, p.ended, func(context.Context) error {
			if n := pg.number(t, "SELECT count(*) FROM orders"); n < rows {
				return fmt.Errorf("%d rows, want %d", n, rows)
			}
			return nil
		})
		if err := p.cmd.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-p.ended
		if n := pg.number(t, "SELECT count(*) FROM orders"); n >= etlRows {
			t.Fatalf("killed when all %d rows were there", n)
		}
	}
	saved := pg.number(t, "SELECT state::json->>'read' FROM etl_checkpoints")
	out := pg.loadFile(t, 0, file)
	pg.holds(t, file)
	var items, total, written, skipped, failed int
	_, counts, _ := strings.Cut(out, "orders: ")
	if _, err := fmt.Sscanf(counts, "%d of %d rows: %d written, %d done by earlier runs, %d failed", &items, &total, &written, &skipped, &failed); err != nil {
		t.Fatalf("%v in:\n%s", err, out)
	}
	if items != etlRows || total != etlRows || written+skipped != etlRows || failed != 0 {
		t.Errorf("counts do not add up:\n%s", out)
	}
	if skipped == 0 || skipped > saved || written == 0 {
		t.Errorf("%d skipped, %d written, with %d read by the last checkpoint", skipped, written, saved)
	}
	printed(t, out, "what limits it: ", "workers in batches of")
	t.Logf("the last run:\n%s", out)

	printed(t, pg.loadFile(t, 0, file), "0 written, 20000 done by earlier runs")
	if err := pg.execute(t, "TRUNCATE orders"); err != nil {
		t.Fatal(err)
	}
	printed(t, pg.loadFile(t, 0, file), "20000 written, 0 done")
}

// TestLoadOfBadRows: bad rows are counted and shown, good ones in the same batch
// are kept, and of two rows with one id the last one holds.
func TestLoadOfBadRows(t *testing.T) {
	pg := startPostgres(t)
	if err := pg.execute(t, etlTable); err != nil {
		t.Fatal(err)
	}
	const head, row = "id,customer,amount,placed\n", "%d,A,%d.00,2026-02-28\n"
	var rows strings.Builder
	rows.WriteString(head)
	for id := range 500 {
		fmt.Fprintf(&rows, row, id, id)
		if id == 17 {
			fmt.Fprintf(&rows, row, id, 99) // in the same batch, but for the key
		}
	}
	rows.WriteString("501,A\n502,A,much,2026-02-28\n500,A,-1.00,2026-02-28\n")
	file := filepath.Join(t.TempDir(), "orders.csv")
	if err := os.WriteFile(file, []byte(rows.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	out := pg.loadFile(t, 0, file)
	printed(t, out, "504 of 504 rows: 501 written, 0 done by earlier runs, 3 failed",
		"line 503: wrong number of fields", `line 504: amount "much"`, "line 505: ERROR: new row")
	if n := pg.number(t, "SELECT count(*) FROM orders"); n != 500 {
		t.Errorf("%d rows, want 500", n)
	}
	if n := pg.number(t, "SELECT cents FROM orders WHERE id = 17"); n != 9900 {
		t.Errorf("%d cents, want those of the last row", n)
	}

	out = pg.loadFile(t, 1, file, "-table", "public.others", "-budget", "0.001")
	printed(t, out, "more items failed than the error budget allows")
	if err := pg.execute(t, "CREATE TABLE strange (id bigint PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	out = pg.loadFile(t, 1, file, "-table", "strange")
	printed(t, out, "etl: write to PostgreSQL", `column "customer"`, "0 written, 0 done by earlier runs")
}

// TestLoadWithoutDatabase: a database that goes away ends the load, which then
// goes on without losing a row.
func TestLoadWithoutDatabase(t *testing.T) {
	pg := startPostgres(t)
	file := filepath.Join(t.TempDir(), "orders.csv")
	pg.loadFile(t, 0, file, "-generate", strconv.Itoa(etlRows))
	p := start(t, etl, withoutTelemetry(), "-postgres", pg.url(), "-file", file, "-rate", "2500")
	await(t, etlLimit, p.ended, func(context.Context) error {
		if n := pg.number(t, "SELECT count(*) FROM orders"); n < 3_000 {
			return fmt.Errorf("%d rows", n)
		}
		return nil
	})
	pg.stop(t)
	p.wait(t, etlLimit)
	printed(t, p.output.String(), "write to PostgreSQL (run it again to go on)", " 0 failed")
	pg.start(t)
	printed(t, pg.loadFile(t, 0, file), "20000 of 20000 rows", " 0 failed")
	pg.holds(t, file)
}
