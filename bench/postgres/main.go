//go:build unix

// Command postgres lets bulk.Run find the number of workers and the size of
// batches for a real PostgreSQL, which it starts, and compares with fixed ones:
//
//	go run ./postgres            COPY, then INSERT of many rows; a quarter of an hour
//	go run ./postgres copy 20s   one of them, by jobs of 20 seconds
//
// A grid of fixed settings is measured briefly, each point several times in
// turns. The best three of it then run as long as the search does, in turns with
// it; the median round counts. The command exits with 1 if the search gets less
// than 90 % of the best fixed setting written, and with 2 if PostgreSQL is not
// installed. The times are real, so a busy machine disturbs it.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/otelmon/otelmon-go/bulk"
)

const (
	most   = 16 // workers
	goal   = 0.9
	brief  = time.Second // of a point of the grid
	turns  = 2           // over the grid
	rounds = 3           // of the search and its rivals
	rivals = 3
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	switch {
	case errors.Is(err, errMissing), errors.Is(err, errUsage):
		os.Exit(2) //nolint:forbidigo // this is func main
	case err != nil:
		os.Exit(1) //nolint:forbidigo // this is func main
	}
}

var errUsage = errors.New("usage: postgres [copy|insert] [length]")

func run(ctx context.Context, out io.Writer, args []string) error {
	ways := []way{{"COPY", copyRows}, {"INSERT", insertRows}}
	length := 30 * time.Second
	for _, arg := range args {
		d, err := time.ParseDuration(arg)
		switch {
		case arg == "copy":
			ways = ways[:1]
		case arg == "insert":
			ways = ways[1:]
		case err == nil && d > 0:
			length = d
		default:
			return errUsage
		}
	}
	s, err := start(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	var faults []error
	for _, w := range ways {
		faults = append(faults, w.compare(ctx, out, s, length))
	}
	return errors.Join(faults...)
}

type way struct {
	name  string
	write write
}

// point is a fixed setting.
type point struct {
	workers, batch int
	rows           []float64 // a second, of each turn
}

func (p point) median() float64 { return median(p.rows) }

func median(rows []float64) float64 {
	sorted := slices.Sorted(slices.Values(rows))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

func faster(a, b point) int { return cmp.Compare(b.median(), a.median()) }

func (w way) compare(ctx context.Context, out io.Writer, s *server, length time.Duration) error {
	grid, err := w.grid(ctx, out, s)
	if err != nil {
		return err
	}
	slices.SortFunc(grid, faster)
	fixed := grid[:rivals]
	for i := range fixed {
		fixed[i].rows = nil
	}
	var search []float64
	for round := range rounds {
		fmt.Fprintf(out, "%s, round %d of %s, rows/s:", w.name, round+1, length)
		rows, report, err := w.load(ctx, s, length, bulk.Workers(bulk.Auto(1, most)), bulk.Batch(bulk.Auto(50, 5000)))
		if err != nil {
			return err
		}
		search = append(search, rows)
		fmt.Fprintf(out, "  search %.0f (in the end %d×%d: %s)", rows, report.Concurrency, report.BatchSize, report.Verdict.Sentence)
		for i := range fixed {
			p := &fixed[(i+round)%rivals]
			rows, _, err := w.load(ctx, s, length, bulk.Workers(p.workers), bulk.Batch(p.batch))
			if err != nil {
				return err
			}
			p.rows = append(p.rows, rows)
			fmt.Fprintf(out, "  %d×%d %.0f", p.workers, p.batch, rows)
		}
		fmt.Fprintln(out)
	}
	best := slices.MinFunc(fixed, faster)
	share := median(search) / best.median()
	fmt.Fprintf(out, "%s: the search wrote %.0f rows/s, %.0f%% of the %.0f of the best fixed setting, %d×%d\n",
		w.name, median(search), 100*share, best.median(), best.workers, best.batch)
	if share < goal {
		return fmt.Errorf("%s: %.0f%% of the best fixed setting, want %.0f%%", w.name, 100*share, 100*goal)
	}
	return nil
}

// grid measures fixed settings and prints them as a table.
func (w way) grid(ctx context.Context, out io.Writer, s *server) ([]point, error) {
	workers, batches := []int{1, 2, 4, 8, most}, []int{50, 200, 1000, 5000}
	var grid []point
	for _, n := range workers {
		for _, size := range batches {
			grid = append(grid, point{workers: n, batch: size})
		}
	}
	for range turns {
		for i := range grid {
			p := &grid[i]
			rows, _, err := w.load(ctx, s, brief, bulk.Workers(p.workers), bulk.Batch(p.batch))
			if err != nil {
				return nil, err
			}
			p.rows = append(p.rows, rows)
		}
	}
	fmt.Fprintf(out, "%-24s", w.name+", workers × batch")
	for _, size := range batches {
		fmt.Fprintf(out, "%9d", size)
	}
	for i, n := range workers {
		fmt.Fprintf(out, "\n%24d", n)
		for j := range batches {
			fmt.Fprintf(out, "%9.0f", grid[i*len(batches)+j].median())
		}
	}
	fmt.Fprintln(out)
	return grid, nil
}

// load writes to an empty table for a while and returns the rows per second.
func (w way) load(ctx context.Context, s *server, length time.Duration, opts ...bulk.Option) (float64, bulk.Report, error) {
	if err := empty(ctx, s.db); err != nil {
		return 0, bulk.Report{}, err
	}
	enough, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	begun := time.Now()
	report, err := bulk.Run(enough, "postgres", events(), func(ctx context.Context, batch []event) error {
		// What is under way in the end is written to its end, or its connection would be lost.
		return w.write(context.WithoutCancel(ctx), s.db, batch)
	}, opts...)
	if err = cmp.Or(context.Cause(ctx), err); errors.Is(err, context.DeadlineExceeded) && enough.Err() != nil {
		err = nil
	}
	return float64(report.OK) / time.Since(begun).Seconds(), report, err
}
