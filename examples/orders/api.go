package main

import (
	"encoding/json"
	"log/slog"
	"net"
	"net/http"

	"github.com/otelmon/otelmon-go/otelmon"
)

const maxBody = 4 << 10

// api takes orders.
type api struct {
	store  *store
	logger *slog.Logger
}

type order struct {
	ID       int64   `json:"id"`
	Item     string  `json:"item"`
	Quantity int     `json:"quantity"`
	Ordered  float64 `json:"ordered,omitempty"` // of this item, by everybody; without Redis nobody knows
}

func (a api) place(w http.ResponseWriter, r *http.Request) {
	var o order
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&o); err != nil || o.Item == "" {
		http.Error(w, `want {"item": "tea", "quantity": 2}`, http.StatusBadRequest)
		return
	}
	ctx, end := otelmon.Begin(r.Context(), "place order")
	var err error
	o.ID, err = a.store.place(ctx, o.Item, o.Quantity)
	end(&err)
	switch {
	case refused(err):
		http.Error(w, "the quantity must be a positive number", http.StatusUnprocessableEntity)
		return
	case err != nil:
		a.logger.ErrorContext(ctx, "place order: "+err.Error())
		http.Error(w, "no order can be taken now", http.StatusServiceUnavailable)
		return
	}
	if o.Ordered, err = a.store.count(ctx, o.Item, o.Quantity); err != nil {
		a.logger.WarnContext(ctx, "count items: "+err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(o) // a client that has gone is no concern of ours
}

// fromHere lets details of health be seen on this machine only.
func fromHere(r *http.Request) bool {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
