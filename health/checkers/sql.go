package checkers

import "context"

// SQL checks a database through its own pool. It is db.PingContext, for
// *sql.DB, *sql.Conn and whatever has that method, but a nil db fails the check
// instead of panicking. What a ping proves is up to the driver: some only look
// whether the connection is open.
func SQL(db interface {
	PingContext(ctx context.Context) error
},
) func(context.Context) error {
	if db == nil {
		return broken("sql", "the database is nil")
	}
	return db.PingContext
}
