package e2e

import (
	"context"
	"net"
	"os/exec"
	"testing"

	"github.com/otelmon/otelmon-go/internal/loopback"
)

// redis is a Redis of its own, which keeps nothing on disk.
type redis struct {
	*process
	server, addr string
}

func startRedis(t *testing.T) *redis {
	t.Helper()
	r := &redis{server: backend{names: []string{"redis-server"}, from: debian("redis-server")}.path(t), addr: loopback.Addr(t)}
	r.start(t)
	return r
}

// start starts the server, again on the same port after stop.
func (r *redis) start(t *testing.T) {
	t.Helper()
	host, port, err := net.SplitHostPort(r.addr)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(r.server, "--bind", host, "--port", port, "--save", "", "--appendonly", "no")
	cmd.Dir = t.TempDir()
	r.process = run(t, cmd)
	await(t, backendLimit, r.ended, func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", r.addr)
		if err == nil {
			err = conn.Close()
		}
		return err
	})
}

// stop kills the server.
func (r *redis) stop() {
	_ = r.cmd.Process.Kill() // an error means that it has ended
	<-r.ended
}

func (r *redis) url() string { return "redis://" + r.addr }
