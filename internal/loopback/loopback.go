// Package loopback gives tests addresses of this machine that stay theirs.
//
// The system gives the port of a closed listener on port 0 to whoever asks next:
// a server that is to start there, or to come back, finds it taken by chance. Ports
// of this package are below those that systems give by themselves.
package loopback

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
)

// Systems give ports from 32768 (Linux) or 49152 (the others) on, Kubernetes from
// 30000 on.
const first, end = 20000, 30000

// ports are tried in an order of this process, so that none comes again before all
// others have: a closed one may be one at which nobody is to listen.
var ports = struct { //nolint:gochecknoglobals // as the ports of a machine are
	sync.Mutex
	order []int
	next  int
}{order: rand.Perm(end - first)}

// Listen returns a listener on 127.0.0.1, whose port is not given again when it is
// closed. Safe for concurrent use.
func Listen() (net.Listener, error) {
	ports.Lock()
	defer ports.Unlock()
	var errs []error
	for range 100 {
		port := first + ports.order[ports.next]
		ports.next = (ports.next + 1) % len(ports.order)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))) //nolint:noctx // of this machine
		if err == nil {
			return l, nil
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("no port is free: %w", errors.Join(errs...))
}

// Addr returns an address as Listen gives it, where nobody listens.
func Addr(tb testing.TB) string {
	tb.Helper()
	l, err := Listen()
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
