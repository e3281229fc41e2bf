package checkers

import (
	"context"
	"errors"
)

// Connected checks a client that holds a connection and knows its state. It
// asks up and sends nothing, so it costs nothing and opens nothing:
//
//	checkers.Connected(nc.IsConnected)                                  // *nats.Conn
//	checkers.Connected(func() bool { return !conn.IsClosed() })         // *amqp091.Connection
//
// A NATS client that has lost its server is not closed for as long as it tries
// again, so IsClosed alone would say too little about it.
func Connected(up func() bool) func(context.Context) error {
	if up == nil {
		return broken("connected", "the function is nil")
	}
	return func(context.Context) error {
		if !up() {
			return errors.New("not connected")
		}
		return nil
	}
}
