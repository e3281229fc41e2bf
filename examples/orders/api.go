package main

import (
	"encoding/json"
	"log/slog"
	"net/http"

	"github.com/otelmon/otelmon-go/otelmon"
)

const (
	maxBody = 4 << 10
	shown   = 20 // orders or items in one answer
)

// api answers requests about orders.
type api struct {
	store  *store
	logger *slog.Logger
}

func (a api) register(mux *http.ServeMux) {
	mux.HandleFunc("POST /orders", a.place)
	mux.HandleFunc("GET /orders", a.newest)
	mux.HandleFunc("GET /popular", a.popular)
}

func (a api) place(w http.ResponseWriter, r *http.Request) {
	var wanted struct {
		Item     string `json:"item"`
		Quantity int    `json:"quantity"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&wanted); err != nil || wanted.Item == "" {
		http.Error(w, `want {"item": "tea", "quantity": 2}`, http.StatusBadRequest)
		return
	}
	ctx, end := otelmon.Begin(r.Context(), "place order")
	placed, err := a.store.place(ctx, wanted.Item, wanted.Quantity)
	end(&err)
	if refused(err) {
		http.Error(w, "the quantity must be a positive number", http.StatusUnprocessableEntity)
		return
	}
	a.answer(w, r, http.StatusCreated, placed, err)
}

func (a api) newest(w http.ResponseWriter, r *http.Request) {
	orders, err := a.store.newest(r.Context(), shown)
	a.answer(w, r, http.StatusOK, orders, err)
}

func (a api) popular(w http.ResponseWriter, r *http.Request) {
	items, err := a.store.popular(r.Context(), shown)
	a.answer(w, r, http.StatusOK, items, err)
}

// answer sends v, or says that it can't be had now.
func (a api) answer(w http.ResponseWriter, r *http.Request, status int, v any, err error) {
	if err != nil {
		a.logger.ErrorContext(r.Context(), r.Method+" "+r.URL.Path+": "+err.Error())
		http.Error(w, "not available now", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that has gone is no concern of ours
}
