//go:build unix

package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/internal/loopback"
)

// backendLimit is what a backend may take to start or to end on a busy machine.
const backendLimit = time.Minute

// postgres is a PostgreSQL of its own: an empty database on a free port.
type postgres struct {
	*process
	server, data string
	host, port   string
	credential   *syscall.Credential
}

const postgresFolders = "/usr/lib/postgresql/*/bin"

func startPostgres(t *testing.T) *postgres {
	t.Helper()
	initdb := backend{names: []string{"initdb"}, where: postgresFolders, from: debian("postgresql")}.path(t)
	pg := &postgres{server: filepath.Join(filepath.Dir(initdb), "postgres")}
	var err error
	if pg.host, pg.port, err = net.SplitHostPort(loopback.Addr(t)); err != nil {
		t.Fatal(err)
	}
	// Not t.TempDir: its parent belongs to whoever runs the tests.
	dir, err := os.MkdirTemp("", "otelmon-e2e-postgres") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	pg.data = filepath.Join(dir, "data")
	if os.Geteuid() == 0 {
		pg.credential = unprivileged(t)
		if err := os.Chown(dir, int(pg.credential.Uid), int(pg.credential.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	out, err := pg.command(t.Context(), initdb, "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync", pg.data).CombinedOutput()
	if err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	pg.start(t)
	return pg
}

// unprivileged is somebody else than root, for whom PostgreSQL does not start.
func unprivileged(t *testing.T) *syscall.Credential {
	t.Helper()
	account, err := user.Lookup("postgres")
	if err != nil {
		account, err = user.Lookup("nobody")
	}
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func (pg *postgres) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = filepath.Dir(pg.data)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: pg.credential}
	return cmd
}

// start starts the server, again on the same port and data after stop.
func (pg *postgres) start(t *testing.T) {
	t.Helper()
	pg.process = run(t, pg.command(context.WithoutCancel(t.Context()), pg.server, "-D", pg.data, "-h", pg.host, "-p", pg.port,
		"-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "shared_buffers=8MB"))
	t.Cleanup(func() { pg.stop(t) }) // before run kills it, which would leave its children
	await(t, backendLimit, pg.ended, func(context.Context) error { return pg.execute(t, "SELECT 1") })
}

// stop has the server break off everything, as if it had crashed.
func (pg *postgres) stop(t *testing.T) {
	t.Helper()
	_ = pg.cmd.Process.Signal(syscall.SIGQUIT) // an error means that it has ended
	timer := time.NewTimer(backendLimit)
	defer timer.Stop()
	select {
	case <-pg.ended:
	case <-timer.C:
		t.Fatal("PostgreSQL does not end")
	}
}

// execute runs statements, each by itself.
func (pg *postgres) execute(t *testing.T, statements ...string) error {
	t.Helper()
	if out, err := pg.psql(t, statements...).CombinedOutput(); err != nil {
		return fmt.Errorf("psql: %w\n%s", err, out)
	}
	return nil
}

func (pg *postgres) psql(t *testing.T, statements ...string) *exec.Cmd {
	t.Helper()
	args := []string{"-X", "-q", "-d", pg.url(), "-v", "ON_ERROR_STOP=1"}
	for _, s := range statements {
		args = append(args, "-c", s)
	}
	return exec.CommandContext(context.WithoutCancel(t.Context()), filepath.Join(filepath.Dir(pg.server), "psql"), args...)
}

func (pg *postgres) url() string {
	return "postgres://postgres@" + net.JoinHostPort(pg.host, pg.port) + "/postgres?sslmode=disable"
}
