package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/keys"
)

// get reads an answer of a store, whose size it bounds.
func get(ctx context.Context, address string) (status int, body []byte, err error) {
	const most = 1 << 20
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return 0, nil, errors.New("the address cannot be read")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if failed, ok := errors.AsType[*url.Error](err); ok {
			err = failed.Err // the URL may hold a password
		}
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(resp.Body, most))
	return resp.StatusCode, body, err
}

// shownBase leaves out what may be a password.
func shownBase(base string) string {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return "an address that cannot be read"
	}
	return u.Scheme + "://" + u.Host
}

// The older query API of Jaeger went with 2.21, the newer came with 1.35.
func jaegerAPIs() []string { return []string{"/api/", "/api/v3/"} }

func aliveJaeger(ctx context.Context, base string) error {
	for _, api := range jaegerAPIs() {
		status, body, err := get(ctx, base+api+"services")
		if err != nil {
			return err
		}
		if status == http.StatusOK && json.Valid(body) {
			return nil
		}
	}
	return errors.New("no query API of Jaeger answers")
}

// inJaeger looks for the span's name, which either API's answer has.
func inJaeger(ctx context.Context, base string, p exporters.Probe) (bool, error) {
	var last int
	for _, api := range jaegerAPIs() {
		status, body, err := get(ctx, base+api+"traces/"+p.TraceID.String())
		if err != nil {
			return false, err
		}
		if status == http.StatusOK && json.Valid(body) && strings.Contains(string(body), `"`+keys.Probe+`"`) {
			return true, nil
		}
		last = status
	}
	if last >= http.StatusInternalServerError || last == http.StatusUnauthorized || last == http.StatusForbidden {
		return false, fmt.Errorf("it answers %d", last)
	}
	return false, nil
}

func alivePrometheus(ctx context.Context, base string) error {
	_, err := query(ctx, base+"/api/v1/query?query=1")
	return err
}

// inPrometheus goes by the value, which is this probe's own. Dots may have become
// underscores, and a unit may have been appended.
func inPrometheus(ctx context.Context, base string, p exporters.Probe) (bool, error) {
	expr := fmt.Sprintf(`{__name__=~"otelmon[._]probe[._]timestamp.*"} == %s`, strconv.FormatFloat(p.Seconds(), 'f', 3, 64))
	found, err := query(ctx, base+"/api/v1/query?"+url.Values{
		"query": {expr}, "time": {strconv.FormatInt(p.At.Unix()+1, 10)}, // whatever this machine's clock says
	}.Encode())
	return found > 0, err
}

func aliveLoki(ctx context.Context, base string) error {
	status, _, err := get(ctx, base+"/ready")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("it answers %d", status)
	}
	return err
}

func inLoki(ctx context.Context, base string, p exporters.Probe) (bool, error) {
	found, err := query(ctx, base+"/loki/api/v1/query_range?"+url.Values{
		"query": {fmt.Sprintf(`{service_name=%q} |= %q`, p.Service, p.TraceID.String())}, "limit": {"1"},
		"start": {strconv.FormatInt(p.At.Add(-time.Minute).UnixNano(), 10)}, "end": {strconv.FormatInt(p.At.Add(time.Minute).UnixNano(), 10)},
	}.Encode())
	return found > 0, err
}

// query returns how many results the API of Prometheus, which is Loki's too, has.
func query(ctx context.Context, address string) (int, error) {
	status, body, err := get(ctx, address)
	if err != nil {
		return 0, err
	}
	var answer struct {
		Status string
		Data   struct{ Result []json.RawMessage }
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Status != "success" {
		return 0, fmt.Errorf("it answers %d and no result", status)
	}
	return len(answer.Data.Result), nil
}
