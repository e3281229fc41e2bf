package main

import (
	"bytes"
	"io"
	"net/http"
	"net/url"

	opsconsole "github.com/otelmon/otelmon-go/console"
	"github.com/otelmon/otelmon-go/console/mcp"
)

// blank returns the client of a console within this process that no program fills.
func blank(scope opsconsole.Scope) *client {
	con := opsconsole.New(opsconsole.Options{Authorize: func(*http.Request) opsconsole.Scope { return scope }})
	mcp.Mount(con)
	return &client{root: &url.URL{Scheme: "http", Host: "localhost", Path: "/"}, http: &http.Client{Transport: inProcess{con.Handler()}}}
}

// inProcess asks a handler without a network.
type inProcess struct{ http.Handler }

// RoundTrip implements http.RoundTripper.
func (h inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := &written{header: http.Header{}, status: http.StatusOK}
	h.ServeHTTP(w, r)
	return &http.Response{Status: http.StatusText(w.status), StatusCode: w.status, Header: w.header, Body: io.NopCloser(&w.body), Request: r}, nil
}

// written is what a handler has answered.
type written struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (w *written) Header() http.Header { return w.header }

// Write implements http.ResponseWriter.
func (w *written) Write(b []byte) (int, error) { return w.body.Write(b) }

// WriteHeader implements http.ResponseWriter.
func (w *written) WriteHeader(status int) { w.status = status }
