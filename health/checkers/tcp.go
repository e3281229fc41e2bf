package checkers

import (
	"context"
	"net"
)

// TCP checks that address (host:port) accepts a connection, and closes it. It
// proves little: a frozen server's kernel still accepts. It also opens a
// connection each time, so prefer a check that uses the application's own.
func TCP(address string) func(context.Context) error {
	if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
		return broken("tcp", "the address must be host:port")
	}
	return func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}
