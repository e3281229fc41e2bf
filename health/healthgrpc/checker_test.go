package healthgrpc_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/health/healthgrpc"
)

func TestChecker(t *testing.T) {
	registry := begin(
		t,
		health.Check{Name: "up", Func: pass},
		health.Check{Name: "limited", Func: func(context.Context) error { return health.Degraded(errDown) }},
		health.Check{Name: "down", Critical: true, Func: func(context.Context) error { return errDown }},
	)
	_, conn := serve(t, healthgrpc.New(registry))
	_, mute := serve(t, nil)
	nobody, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	must(t, nobody.Close())
	for _, test := range []struct {
		name, service string
		conn          grpc.ClientConnInterface
		want          string // begins the error
		code          codes.Code
	}{
		{"serving", "up", conn, "", codes.OK},
		{"degraded", "limited", conn, "", codes.OK},
		{"not serving", "down", conn, `service "down" is NOT_SERVING`, codes.Unknown},
		{"server not serving", "", conn, "the server is NOT_SERVING", codes.Unknown},
		{"unknown service", "nobody", conn, `the server knows no service "nobody": `, codes.NotFound},
		{"no health protocol", "", mute, "the server doesn't implement grpc.health.v1.Health: ", codes.Unimplemented},
		{"no server", "up", connect(t, nobody.Addr().String()), `service "up" can't be asked: `, codes.Unavailable},
		{"no connection", "up", nil, "grpc checker: the connection is nil", codes.Unknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := healthgrpc.Checker(test.conn, test.service)(t.Context())
			if (err == nil) != (test.want == "") || err != nil && !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if got := status.Code(errors.Unwrap(err)); test.code != codes.Unknown && got != test.code {
				t.Errorf("code %s, want %s", got, test.code)
			}
		})
	}
}
