package checkers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
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
		_, drainErr := io.CopyN(io.Discard, resp.Body, maxDrain)
		closeErr := resp.Body.Close()
		if !o.accepts(resp.StatusCode) {
			return fmt.Errorf("%s: status %s", target.Host, resp.Status)
		}
		if drainErr != nil && !errors.Is(drainErr, io.EOF) {
			return fmt.Errorf("%s: body: %w", target.Host, drainErr)
		}
		return closeErr
	}
}

func (o *HTTPOptions) accepts(status int) bool {
	if o.Status != 0 {
		return status == o.Status
	}
	return status >= 200 && status <= 299
}

// withoutURL takes off the wrapping that quotes the whole URL.
func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}
