package healthtest

import (
	"net"
	"sync/atomic"
)

// A CountingListener counts the connections that another listener accepts. Set
// Listener before its use; closing one closes the other.
type CountingListener struct {
	net.Listener

	accepted atomic.Int64
}

// Accept implements [net.Listener].
func (l *CountingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.accepted.Add(1)
	}
	return conn, err
}

// Accepted returns how many connections were accepted so far, for
// [Subject.Connections]. It may be called at any time.
func (l *CountingListener) Accepted() int { return int(l.accepted.Load()) }
