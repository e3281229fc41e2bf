package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"

	"github.com/otelmon/otelmon-go/bulk"
)

func ExampleRange() {
	ctx := context.Background()
	users := []string{"ada", "grace", "rob"}
	for u := range bulk.Range(ctx, "import.users", slices.Values(users), bulk.Total(len(users))) {
		fmt.Println("saved", u)
	}
	// Output:
	// saved ada
	// saved grace
	// saved rob
}

func ExampleRange2() {
	ctx := context.Background()
	rows := func(yield func(string, error) bool) {
		_ = yield("ada", nil) && yield("", errors.New("row 2: no name")) && yield("rob", nil)
	}
	for name, err := range bulk.Range2(ctx, "etl.orders", rows) {
		if err != nil {
			continue // counted as failed
		}
		fmt.Println("loaded", name)
	}
	// Output:
	// loaded ada
	// loaded rob
}

func ExampleEach() {
	ctx := context.Background()
	for item, id := range bulk.Each(ctx, "reindex", slices.Values([]int{1, 2, 3, 4})) {
		switch id {
		case 2:
			item.Skip("unchanged")
		case 3:
			item.Fail(errors.New("no such document"), attribute.Int("document.id", id))
		case 4:
			s := item.Operation().Snapshot()
			fmt.Println(s.OK, "ok,", s.Failed, "failed,", s.Skipped, "skipped so far")
		}
	}
	// Output: 1 ok, 1 failed, 1 skipped so far
}

func ExampleSlice() {
	for n := range bulk.Slice(context.Background(), "square", []int{1, 2, 3}) {
		fmt.Println(n * n)
	}
	// Output:
	// 1
	// 4
	// 9
}

func ExampleChan() {
	messages := make(chan string, 2)
	messages <- "hello"
	messages <- "goodbye"
	close(messages)
	for m := range bulk.Chan(context.Background(), "consume", messages) {
		fmt.Println(m)
	}
	// Output:
	// hello
	// goodbye
}

func ExampleReader() {
	body := strings.NewReader("hello, world") // such as that of an HTTP response, with its ContentLength
	r := bulk.Reader(context.Background(), "download", body, bulk.TotalBytes(12))
	defer r.Close()
	if _, err := io.Copy(io.Discard, r); err != nil {
		fmt.Println(err)
	}
	s := r.Operation().Snapshot()
	fmt.Printf("%s, %d of %d bytes\n", s.Result, s.Bytes, s.TotalBytes)
	// Output: completed, 12 of 12 bytes
}

// rows stands for *sql.Rows.
type rows struct{ left []string }

func (r *rows) Next() bool { return len(r.left) > 0 }

func (r *rows) Scan(to *string) error {
	*to, r.left = r.left[0], r.left[1:]
	return nil
}

func (r *rows) Err() error   { return nil }
func (r *rows) Close() error { return nil }

func ExampleRows() {
	query := &rows{left: []string{"ada", "grace"}} // db.QueryContext(ctx, "SELECT name FROM users")
	scan := func(r *rows) (name string, err error) { err = r.Scan(&name); return name, err }
	for name, err := range bulk.Rows(context.Background(), "export.users", query, scan, bulk.Total(2)) {
		if err != nil {
			fmt.Println(err)
			continue // counted as failed
		}
		fmt.Println(name)
	}
	// Output:
	// ada
	// grace
}

func ExampleStart() {
	migrate := func(ctx context.Context, rows int) (err error) {
		ctx, op := bulk.Start(ctx, "migrate", bulk.Total(rows))
		defer op.End(&err)
		for range rows {
			op.OK()
			bulk.From(ctx).Bytes(512) // wherever only the context is at hand
		}
		fmt.Println(op.Snapshot().Items(), "rows,", op.Snapshot().Bytes, "bytes")
		return nil
	}
	if err := migrate(context.Background(), 10); err != nil {
		fmt.Println(err)
	}
	// Output: 10 rows, 5120 bytes
}

func ExampleOperation_Worker() {
	_, op := bulk.Start(context.Background(), "hash", bulk.Total(4000))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			w := op.Worker()
			defer w.Close()
			for range 1000 {
				w.OK()
			}
		})
	}
	wg.Wait()
	op.End(nil)
	fmt.Println(op.Snapshot().OK)
	// Output: 4000
}

func ExampleOperation_Stage() {
	_, op := bulk.Start(context.Background(), "etl")
	defer op.End(nil)
	transform := func() {
		defer op.Stage("transform").Enter()()
		// the work of this stage
	}
	transform()
	fmt.Println(op.Snapshot().Stages[0].Name)
	// Output: transform
}

func ExampleJoin() {
	ctx := context.Background()
	carrier := propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	_, op := bulk.Start(ctx, "reindex", bulk.Total(100))
	defer op.End(nil)
	message := propagation.MapCarrier{} // such as the headers of the request that starts a worker
	carrier.Inject(op.Invite(ctx), message)

	// in the worker's process:
	_, part := bulk.Join(carrier.Extract(ctx, message), "reindex", "host-1")
	part.Add(40)
	part.End(nil)
	share := part.Share() // sent back, as JSON

	if err := op.Merge(share); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%.0f%%\n", 100*op.Snapshot().Progress())
	// Output: 40%
}

func ExampleHistory() {
	dir, err := os.MkdirTemp("", "history") // a directory that stays, such as /var/lib/shop/bulk
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	_, op := bulk.Start(context.Background(), "reindex", bulk.Total(100), bulk.History(dir))
	op.Add(100)
	fmt.Println("slower than usual:", op.Snapshot().Slower)
	op.End(nil)
	// Output: slower than usual: false
}

func ExampleLive() {
	_, op := bulk.Start(context.Background(), "import.users", bulk.Total(200))
	defer op.End(nil)
	op.Add(50)
	for _, s := range bulk.Live() {
		fmt.Printf("%s: %.0f%%\n", s.Name, 100*s.Progress())
	}
	// Output: import.users: 25%
}

func ExampleTerminal() {
	line := bulk.Terminal(os.Stderr)
	defer line.Stop()
	logger := slog.New(slog.NewTextHandler(line, nil)) // or otelmon.Config{LogOutput: line}
	for n := range bulk.Slice(context.Background(), "import.users", make([]int, 1000)) {
		if n < 0 {
			logger.Warn("this stands above the progress line, if stderr is a terminal")
		}
	}
	// Output:
}
