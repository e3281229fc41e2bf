//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

var errMissing = errors.New("initdb of PostgreSQL is neither in /usr/lib/postgresql/*/bin nor on the PATH: install the Debian package postgresql")

// startLimit is what the server may take to answer on a busy machine.
const startLimit = time.Minute

// server is a PostgreSQL of its own with an empty database. It syncs its log to
// the disk as any does.
type server struct {
	dir        string
	credential *syscall.Credential
	process    *exec.Cmd
	output     bytes.Buffer // read it when the process has ended
	ended      chan struct{}
	db         *pgxpool.Pool
}

func programs() (string, error) {
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.Reverse(folders) // the newest version first
	for _, folder := range folders {
		if _, err := exec.LookPath(filepath.Join(folder, "initdb")); err == nil {
			return folder, nil
		}
	}
	file, err := exec.LookPath("initdb")
	if err != nil {
		return "", errMissing
	}
	return filepath.Dir(file), nil
}

func start(ctx context.Context) (s *server, err error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	s = &server{ended: make(chan struct{})}
	if s.dir, err = os.MkdirTemp("", "otelmon-bench-postgres"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	if os.Geteuid() == 0 {
		if err := s.unprivileged(); err != nil {
			return nil, fmt.Errorf("find an account for PostgreSQL, which does not run as root: %w", err)
		}
	}
	data := filepath.Join(s.dir, "data")
	if out, err := s.command(ctx, filepath.Join(bin, "initdb"), "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync", data).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	s.process = s.command(ctx, filepath.Join(bin, "postgres"), "-D", data, "-h", "127.0.0.1", "-p", port,
		"-c", "unix_socket_directories=", "-c", "max_wal_size=4GB", "-c", "shared_buffers=256MB")
	s.process.Stdout, s.process.Stderr = &s.output, &s.output
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = s.process.Wait() // how it ends is in its output
		close(s.ended)
	}()
	config, err := pgxpool.ParseConfig("postgres://postgres@127.0.0.1:" + port + "/postgres?sslmode=disable")
	if err != nil {
		return nil, err
	}
	config.MaxConns = most + 1
	if s.db, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, err
	}
	return s, s.await(ctx)
}

// unprivileged finds somebody else than root, for whom PostgreSQL does not start.
func (s *server) unprivileged() error {
	account, err := user.Lookup("postgres")
	if err != nil {
		account, err = user.Lookup("nobody")
	}
	if err != nil {
		return err
	}
	uid, errUser := strconv.ParseUint(account.Uid, 10, 32)
	gid, errGroup := strconv.ParseUint(account.Gid, 10, 32)
	if err := errors.Join(errUser, errGroup); err != nil {
		return err
	}
	s.credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(s.dir, int(uid), int(gid))
}

func (s *server) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	// A group of its own keeps the Ctrl-C of a terminal from it: stop ends it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.credential, Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGQUIT) } // its children end too
	cmd.WaitDelay = startLimit
	return cmd
}

func (s *server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := s.db.Ping(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-s.ended:
			return fmt.Errorf("PostgreSQL does not start:\n%s", s.output.Bytes())
		case <-ctx.Done():
			return fmt.Errorf("wait for PostgreSQL: %w", err)
		}
	}
}

// stop ends the server and removes what it has written.
func (s *server) stop() {
	if s.db != nil {
		s.db.Close()
	}
	if s.process != nil && s.process.Process != nil {
		_ = s.process.Process.Signal(syscall.SIGQUIT) // an error means that it has ended
		<-s.ended
	}
	_ = os.RemoveAll(s.dir)
}

func freePort(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}
