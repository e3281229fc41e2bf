// Command soak asks whether an application feels its console: an HTTP server makes
// 5,000 spans a second while 20 viewers look at everything, and the same server
// without a console does so in turn.
//
//	go run ./soak -for 10m
//
// Both are processes of their own: this program, started anew with a hidden
// argument. They export over OTLP to this one. It prints a table and exits with 1
// when a bound is missed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"
)

const (
	lapTime  = 10 * time.Second // of one process, before it is the other's turn
	leastFor = 4 * lapTime
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	var err error
	if len(os.Args) == 3 && os.Args[1] == childArgument {
		err = serveApp(ctx, os.Stdin, os.Stdout, os.Args[2])
	} else {
		err = run(ctx, os.Args[1:], os.Stdout)
	}
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is func main
	}
}

var errMissed = errors.New("bounds are missed: see the lines marked MISSED")

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	set := flag.NewFlagSet("soak", flag.ContinueOnError)
	duration := set.Duration("for", 10*time.Minute, "time under load, half of it for each process")
	if err := set.Parse(args); err != nil {
		return err
	}
	backend, stop, err := startBackend(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	var sides [2]*side // with a console, without
	for i, name := range []string{withConsole, "without"} {
		p, err := startChild(ctx, name, backend)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, p.stop()) }()
		sides[i] = &side{child: p}
		if err := sides[i].begin(ctx); err != nil {
			return err
		}
	}
	var seen answers
	laps := max(*duration, leastFor) / lapTime / 2
	for lap := range laps {
		for i := range sides {
			k := (i + int(lap)) % 2 // neither always comes after the other
			audience := &seen
			if k == 1 {
				audience = nil
			}
			if err := sides[k].lap(ctx, audience); err != nil {
				return err
			}
		}
	}
	for _, s := range sides {
		if err := s.settle(ctx); err != nil {
			return err
		}
	}
	return report(out, sides[0], sides[1], &seen)
}

// startBackend takes telemetry and forgets it.
func startBackend(ctx context.Context) (url string, stop func() error, err error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // a broken request is sent again
		w.Header().Set("Content-Type", "application/x-protobuf")
	})}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	return "http://" + l.Addr().String(), func() error {
		err := server.Close()
		if ended := <-ended; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
		return err
	}, nil
}
