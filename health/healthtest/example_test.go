package healthtest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/otelmon/otelmon-go/health/healthtest"
)

// A warehouse is what the program calls, with a checker of its own.
type warehouse struct {
	client *http.Client
	url    string
	token  string
}

func (w *warehouse) check(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+"/stock?token="+w.token, http.NoBody)
	if err != nil {
		return errors.New("warehouse: bad URL")
	}
	resp, err := w.client.Do(req)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // without the URL and the token in it
		}
		return fmt.Errorf("warehouse: %w", err)
	}
	_, _ = io.Copy(io.Discard, resp.Body) // or else the connection isn't used again
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("warehouse: %s", resp.Status)
	}
	return nil
}

// startWarehouse starts a fake on the other side for one property.
func startWarehouse(t *testing.T) healthtest.Subject {
	t.Helper()
	var stock healthtest.Dependency
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if stock.Ping(req.Context()) != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	listener := &healthtest.CountingListener{Listener: server.Listener}
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	w := &warehouse{client: server.Client(), url: server.URL, token: "rosebud"}
	return healthtest.Subject{
		Check:       w.check,
		Break:       stock.Break,
		Repair:      stock.Repair,
		Hang:        stock.Hang,
		Connections: listener.Accepted,
		Secrets:     []string{w.token},
	}
}

// testWarehouse is the whole test; in your package its name is TestWarehouse.
func testWarehouse(t *testing.T) {
	t.Helper()
	healthtest.Run(t, startWarehouse)
}

func Example() {
	test := testing.InternalTest{Name: "TestWarehouse", F: testWarehouse}
	fmt.Println(test.Name)
	// Output: TestWarehouse
}
