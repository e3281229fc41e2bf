package checkers

import "context"

// Ping checks anything with a Ping method, such as a pgxpool.Pool. Use the pool
// that the application works with: a connection of the check's own would say
// nothing about it.
func Ping(target interface {
	Ping(ctx context.Context) error
},
) func(context.Context) error {
	if target == nil {
		return broken("ping", "the target is nil")
	}
	return target.Ping
}
