package mcp

import (
	"context"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// watchInterval is how often a subscription looks at the status.
const watchInterval = time.Second

// watcher tells the client of one request when the status has changed.
type watcher struct {
	of     *client
	server *sdk.Server
	stop   context.CancelFunc // nil while nothing is watched
	ended  chan struct{}
}

// subscribe watches until the request ends, or unsubscribe is called.
func (w *watcher) subscribe(ctx context.Context, r *sdk.SubscribeRequest) error {
	if r.Params.URI != statusURI {
		return sdk.ResourceNotFoundError(r.Params.URI)
	}
	if w.stop != nil || r.ProtocolVersion() < "2026-07-28" {
		return nil // older clients have no stream that could tell them
	}
	ctx, w.stop = context.WithCancel(ctx)
	w.ended = make(chan struct{})
	go w.watch(ctx, w.look(ctx, ""))
	return nil
}

// unsubscribe stops to watch and waits for that.
func (w *watcher) unsubscribe(context.Context, *sdk.UnsubscribeRequest) error {
	if w.stop != nil {
		w.stop()
		<-w.ended
	}
	return nil
}

func (w *watcher) watch(ctx context.Context, before string) {
	defer close(w.ended)
	t := time.NewTicker(watchInterval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if now := w.look(ctx, before); now != before {
			before = now
			_ = w.server.ResourceUpdated(ctx, &sdk.ResourceUpdatedNotificationParams{URI: statusURI}) // it returns none
		}
	}
}

// look returns how things stand, or as before when the request has ended.
func (w *watcher) look(ctx context.Context, before string) string {
	w.of.con.InTurn(ctx, func() { before = w.of.standing() })
	return before
}
