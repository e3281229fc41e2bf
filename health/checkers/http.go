package checkers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// maxDrain is how much of a body is read so that the connection can be used
// again. A longer answer costs a new connection each time.
const maxDrain = 256 << 10

// HTTPOptions refine [HTTP]. The zero value works.
type HTTPOptions struct {
	// Client is the application's own, with its transport and connections. Nil
	// means http.DefaultClient. Its Timeout applies beside the check's.
	Client *http.Client

	// Method is GET if empty.
	Method string

	// Header is sent with each request. The map must not change afterwards.
	Header http.Header

	// Status is the only healthy one. Zero means every one from 200 to 299.
	Status int

	// Body judges the body of an answer with the right status, up to 256 KiB of
	// it. Its error is the check's, [health.Degraded] or not. Nil means that any
	// body will do.
	Body func(body []byte) error

	// FollowRedirects follows them as Client does. By default a redirect is an
	// answer like any other, and so a failure unless Status asks for it: a
	// login page at the end of a redirect would always look healthy.
	FollowRedirects bool
}

// HTTP checks that an endpoint answers with the right status. The body is read
// up to 256 KiB and closed, so one connection serves all executions. Errors
// and messages name the host, never the path, the query or the user.
func HTTP(endpoint string, o HTTPOptions) func(context.Context) error {
	target, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return broken("http", "the URL can't be parsed")
	case target.Scheme != "http" && target.Scheme != "https" || target.Host == "":
		return broken("http", "the URL needs http:// or https:// and a host")
	}
	if o.Client == nil {
		o.Client = http.DefaultClient
	}
	client := *o.Client // shares the transport
	if !o.FollowRedirects {
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, o.Method, endpoint, http.NoBody)
		if err != nil {
			return fmt.Errorf("http checker: %w", err)
		}
		if o.Header != nil {
			req.Header = o.Header.Clone()
		}
		resp, err := client.Do(req)
		if err != nil {
			return fmt.Errorf("%s: %w", target.Host, withoutURL(err))
		}
		if err := o.judge(resp); err != nil {
			return fmt.Errorf("%s: %w", target.Host, err)
		}
		return nil
	}
}

// judge reads and closes the body whatever the status is, so that the
// connection can be used again.
func (o *HTTPOptions) judge(resp *http.Response) error {
	var body bytes.Buffer
	sink := io.Discard
	if o.Body != nil {
		sink = &body
	}
	_, err := io.Copy(sink, io.LimitReader(resp.Body, maxDrain))
	resp.Body.Close()
	switch {
	case !o.accepts(resp.StatusCode):
		return fmt.Errorf("status %d %s", resp.StatusCode, http.StatusText(resp.StatusCode)) // the server's own words may hold anything
	case err != nil:
		return fmt.Errorf("body: %w", err)
	case o.Body != nil:
		return o.Body(body.Bytes())
	}
	return nil
}

func (o *HTTPOptions) accepts(status int) bool {
	if o.Status != 0 {
		return status == o.Status
	}
	return status >= 200 && status <= 299
}

// withoutURL takes off the wrapping that quotes the whole URL. Another error of
// package net/http quotes where a redirect leads, and has no type.
func withoutURL(err error) error {
	for {
		wrapped, ok := errors.AsType[*url.Error](err)
		if !ok {
			break
		}
		err = wrapped.Err
	}
	if strings.Contains(err.Error(), "Location header") {
		return errors.New("redirect with an invalid Location header")
	}
	return err
}
