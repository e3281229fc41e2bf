package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"time"
)

// listen takes the address asked for or, when the system refuses that, any free
// port on the same host, and says why.
func listen(ctx context.Context, addr string) (l net.Listener, instead string, err error) {
	var lc net.ListenConfig
	l, err = lc.Listen(ctx, "tcp", addr)
	var refused *os.SyscallError // unlike an address that is none
	if err == nil || !errors.As(err, &refused) {
		return l, "", err
	}
	host, _, _ := net.SplitHostPort(addr)
	l, again := lc.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	if again != nil {
		return nil, "", err // the host is the trouble, not the port
	}
	return l, err.Error(), nil
}

// baseURL is where people on this machine reach what listens on addr.
func baseURL(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if ok && tcp.IP.IsUnspecified() {
		_, port, _ := net.SplitHostPort(addr.String())
		return "http://localhost:" + port
	}
	return "http://" + addr.String()
}

// server answers requests until it is stopped.
type server struct {
	http.Server
	done chan error
}

// serve starts a server; failed is called if it ends by itself.
func serve(l net.Listener, handler http.Handler, failed func(error)) *server {
	s := &server{
		Server: http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute},
		done:   make(chan error, 1),
	}
	go func() {
		err := s.Serve(l)
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		} else {
			failed(err)
		}
		s.done <- err
	}()
	return s
}

// stop waits for the requests that run, until ctx ends.
func (s *server) stop(ctx context.Context) error {
	err := s.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.Close())
	}
	return errors.Join(err, <-s.done)
}
