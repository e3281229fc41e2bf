// Package page shows the console of a program that serves nothing else.
package page

import (
	"context"
	"fmt"
	"io"
	"net"

	"github.com/otelmon/otelmon-go/console"
)

// Show serves the console on a free port of this machine, where the command
// otelmon finds it, until stop is called. Without a port the work is done unseen.
func Show(ctx context.Context, con *console.Console, stderr io.Writer) (stop func()) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(stderr, "no console:", err)
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- con.Serve(ctx, l) }()
	fmt.Fprintf(stderr, "console at http://%s/, or ask: otelmon status\n", l.Addr())
	return func() {
		cancel()
		if err := <-ended; err != nil {
			fmt.Fprintln(stderr, "the console:", err)
		}
	}
}
