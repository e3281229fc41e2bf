package console

import (
	"context"
	"net/http"
	"sync"
)

// mounts are the handlers of others below the console's root.
type mounts struct {
	mu     sync.RWMutex
	byName map[string]http.Handler
}

// Mount serves h under name below the console's root, wherever that is, behind
// the same checks as the pages: h is asked only by who may at least read, and
// [ScopeOf] tells it what the request may do. A name that a page has is the
// page's; the same name again replaces the handler. It may be called at any time.
func (c *Console) Mount(name string, h http.Handler) {
	c.mounts.mu.Lock()
	defer c.mounts.mu.Unlock()
	if c.mounts.byName == nil {
		c.mounts.byName = map[string]http.Handler{}
	}
	c.mounts.byName[name] = h
}

// InTurn calls what makes an answer of what is kept when it is its turn, as one
// is made at a time, pages among them. It is for handlers of [Console.Mount], and
// not for what lasts. It returns false, and does not call it, when ctx ended before.
func (c *Console) InTurn(ctx context.Context, answer func()) bool { return c.turns.do(ctx, answer) }

func (m *mounts) at(rel string) http.Handler {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.byName[rel]
}

func withScope(r *http.Request, s Scope) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), requestScope{}, s))
}
