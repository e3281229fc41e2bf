package console

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/otelmon/otelmon-go/internal/announce"
)

// Serve answers on l alone, with the console at the root, until ctx ends; then
// it ends the streams, waits for what is being answered, at most three seconds,
// and returns nil. It closes l.
//
// While it serves, the command otelmon finds the console on this machine, unless l
// is a unix socket. It refuses an address that other machines reach when neither
// Options.ReadToken nor Options.Authorize is set.
func (c *Console) Serve(ctx context.Context, l net.Listener) error {
	if !isLoopbackAddr(l.Addr()) && c.access.isOpen() && c.access.authorize == nil {
		_ = l.Close()
		return fmt.Errorf("console: other machines reach %v: set Options.ReadToken or Options.Authorize, or listen on 127.0.0.1", l.Addr())
	}
	if l.Addr().Network() != "unix" { // for which there is no URL
		withdraw, _ := c.Announce("http://" + l.Addr().String() + "/") // otherwise the command needs -url
		defer withdraw()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server := &http.Server{
		Handler: c.Handler(), ReadHeaderTimeout: headTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		_ = server.Close() // what is open, as l is closed
		return fmt.Errorf("console: serve %v: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	late, stop := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer stop()
	err := server.Shutdown(late)
	if err != nil {
		err = errors.Join(fmt.Errorf("console: end what is being answered: %w", err), server.Close())
	}
	if closed := <-ended; !errors.Is(closed, http.ErrServerClosed) {
		err = errors.Join(err, closed)
	}
	return err
}

// Times of the console's own server. What takes longer, such as a stream, lifts
// that for writing.
const (
	headTimeout     = 5 * time.Second
	readTimeout     = 30 * time.Second
	idleTimeout     = 2 * time.Minute
	writeTimeout    = time.Minute
	shutdownTimeout = 3 * time.Second
)

func isLoopbackAddr(a net.Addr) bool {
	if a.Network() == "unix" {
		return true
	}
	at, err := netip.ParseAddrPort(a.String())
	return err == nil && at.Addr().Unmap().IsLoopback()
}

// Announce lets the command otelmon find the console on this machine, for a
// program that serves it itself: url is the console's root as this machine
// reaches it. It writes a file of the user's cache directory, which withdraw
// removes, and which is never nil; it fails where there is no such directory. The
// file holds no token.
func (*Console) Announce(url string) (withdraw func(), err error) {
	withdraw, err = announce.Write(announce.Console{URL: url})
	if err != nil {
		return func() {}, fmt.Errorf("console: announce %s: %w", url, err)
	}
	return withdraw, nil
}
