package main

import (
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/health/checkers"
)

// register adds the checks of this program. Only the database is critical:
// without it nothing can be answered.
func register(checks *health.Registry, s *store, index *indexState) error {
	return errors.Join(
		checks.Register(health.Check{Name: "database", Func: s.ping, Critical: true}),
		checks.Register(health.Check{Name: "index", Func: index.check, DependsOn: []string{"database"}, Interval: 2 * time.Second}), // costs nothing
		checks.Register(health.Check{Name: "disk", Func: checkers.DiskSpace(filepath.Dir(s.path), diskLimits())}),
		checks.Register(health.Check{Name: "memory", Func: checkers.Memory(checkers.MemoryOptions{}), Scope: health.Internal}),
	)
}

// diskLimits are what the next index may need. A share of the disk would say
// nothing about that.
func diskLimits() checkers.DiskSpaceOptions {
	return checkers.DiskSpaceOptions{DegradedBytes: 1 << 30, UnhealthyBytes: 128 << 20}
}

// fromHere lets details be seen on this machine only.
func fromHere(r *http.Request) bool {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
