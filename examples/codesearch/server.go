package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// drainTimeout bounds the wait for requests that still run when the program
// ends.
const drainTimeout = 5 * time.Second

// listen takes the address asked for or, when that is not free, any free port
// on the same host.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err == nil {
		return l, nil
	}
	host, _, wrong := net.SplitHostPort(addr)
	if wrong != nil {
		return nil, err
	}
	l, again := lc.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	if again != nil {
		return nil, err // the host is the trouble, not the port
	}
	return l, nil
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

// stop waits for the requests that run, but not for ever.
func (s *server) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	err := s.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.Close())
	}
	return errors.Join(err, <-s.done)
}
