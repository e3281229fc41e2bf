package bulk_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/otelmon/otelmon-go/bulk"
)

type product struct{ ID string }

func ExampleRun() {
	ctx := context.Background()
	products := slices.Values([]product{{"p1"}, {"p2"}, {"p3"}})
	index := func(_ context.Context, batch []product) error {
		var failed bulk.ItemErrors
		for i, p := range batch {
			if p.ID == "p2" {
				failed = append(failed, bulk.ItemError{Index: i, Err: errors.New("no name")})
			}
		}
		return failed
	}
	report, err := bulk.Run(ctx, "reindex", products, index,
		bulk.Workers(bulk.Auto(1, 64)), bulk.Batch(bulk.Auto(50, 5000)),
		bulk.Retry(3), bulk.ErrorBudget(0.01), bulk.MaxAge(10*time.Millisecond))
	fmt.Println(report.OK, "indexed,", report.Failed, "failed,", report.Retried, "tried again, error:", err)
	// Output: 2 indexed, 1 failed, 3 tried again, error: <nil>
}

func ExampleOne() {
	ctx := context.Background()
	report, err := bulk.Run(ctx, "thumbnails", slices.Values([]string{"a.png", "b.png"}),
		bulk.One(func(_ context.Context, file string) error { return nil }))
	fmt.Println(report.OK, "done, error:", err)
	// Output: 2 done, error: <nil>
}

// An HTTP client that lets a run keep to what the server asks for.
func ExampleOverload() {
	send := func(ctx context.Context, client *http.Client, req *http.Request) error {
		resp, err := client.Do(req.WithContext(ctx))
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		switch resp.StatusCode {
		case http.StatusOK:
			return nil
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
			return bulk.Overload(errors.New(resp.Status), time.Duration(seconds)*time.Second)
		}
		return errors.New(resp.Status)
	}
	_ = send
	// Output:
}

func ExamplePermanent() {
	ctx := context.Background()
	tries := 0
	report, err := bulk.Run(ctx, "invite", slices.Values([]string{"ada@example.com", "nobody"}),
		bulk.One(func(_ context.Context, address string) error {
			tries++
			if _, err := mail.ParseAddress(address); err != nil {
				return bulk.Permanent(err)
			}
			return nil
		}), bulk.Workers(1), bulk.Retry(3), bulk.ErrorBudget(0.01))
	fmt.Println(tries, "tries,", report.OK, "invited,", report.Failed, "failed, error:", err)
	// Output: 2 tries, 1 invited, 1 failed, error: <nil>
}

// A file with lines that are no numbers: they fail, the others are processed.
func ExamplePermanent_source() {
	lines := bufio.NewScanner(strings.NewReader("1\n2\nthree\n4\n"))
	numbers := func(yield func(int, error) bool) {
		for lines.Scan() {
			n, err := strconv.Atoi(lines.Text())
			if !yield(n, bulk.Permanent(err)) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(0, err)
		}
	}
	report, err := bulk.Run2(context.Background(), "add", numbers,
		func(context.Context, []int) error { return nil }, bulk.ErrorBudget(0.01))
	fmt.Println(report.OK, "added,", report.Failed, "failed, error:", err)
	// Output: 3 added, 1 failed, error: <nil>
}

func ExampleStop() {
	ctx := context.Background()
	report, err := bulk.Run(ctx, "copy", slices.Values([]int{1, 2, 3, 4}),
		bulk.One(func(_ context.Context, n int) error {
			if n == 3 {
				return bulk.Stop(syscall.ENOSPC)
			}
			return nil
		}), bulk.Workers(1), bulk.ErrorBudget(0.5))
	fmt.Println(report.OK, "copied,", report.Failed, "failed, disk full:", errors.Is(err, syscall.ENOSPC))
	// Output: 2 copied, 0 failed, disk full: true
}

// table is a store in a database, beside the data that the job writes:
//
//	CREATE TABLE checkpoints (job text PRIMARY KEY, state text NOT NULL)
type table struct{ db *sql.DB }

func (t table) Load(ctx context.Context, job string) (state []byte, err error) {
	err = t.db.QueryRowContext(ctx, "SELECT state FROM checkpoints WHERE job = $1", job).Scan(&state)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return state, err
}

func (t table) Save(ctx context.Context, job string, state []byte) error {
	_, err := t.db.ExecContext(ctx, `INSERT INTO checkpoints (job, state) VALUES ($1, $2)
		ON CONFLICT (job) DO UPDATE SET state = excluded.state`, job, string(state))
	return err
}

func ExampleCheckpointStore() {
	var store bulk.CheckpointStore = table{db: nil} // the application's
	_ = bulk.Checkpoint(store, "import-2026-11")
	// Output:
}

func ExampleBackend() {
	var postgres bulk.Backend
	job := func(name string) {
		_, _ = bulk.Run(context.Background(), name, slices.Values([]int{1, 2, 3}),
			func(context.Context, []int) error { return nil },
			&postgres, bulk.Workers(bulk.Auto(1, 32)))
	}
	var jobs sync.WaitGroup
	jobs.Go(func() { job("import.orders") })
	jobs.Go(func() { job("import.customers") })
	jobs.Wait()
	// Output:
}

func ExampleKey() {
	type change struct{ Account, Field string }
	_ = bulk.Key(func(c change) string { return c.Account }) // changes of an account keep their order
	// Output:
}
