package mcp

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/otelmon/otelmon-go/console/store"
)

const (
	scheme    = "otelmon://"
	statusURI = scheme + "status"
	jsonType  = "application/json"
)

// template is a sort of resource, one for each name of its kind.
type template struct {
	kind, variable, about string
	read                  func(c *client, name string) (*answer, error)
	names                 func(c *client) []string // for completion
}

func templates() []template {
	return []template{
		{"traces", "id", "A trace: failures and what took the time", (*client).readTrace, (*client).traceIDs},
		{"operations", "id", "A bulk operation", (*client).readOperation, (*client).operationIDs},
		{"components", "name", "A health check with its last changes", (*client).readComponent, (*client).checkNames},
		{"metrics", "name", "The series of a metric", (*client).readMetric, (*client).metricNames},
	}
}

func (c *client) addResources(s *sdk.Server) {
	s.AddResource(&sdk.Resource{
		URI: statusURI, Name: "status", Title: "Status", MIMEType: jsonType,
		Description: "The program as it stands; subscribe to hear of changes.",
	}, c.resource(func(string) (*answer, error) { return c.status("", 100) }))
	for _, t := range templates() {
		s.AddResourceTemplate(&sdk.ResourceTemplate{
			URITemplate: scheme + t.kind + "/{" + t.variable + "}", Name: strings.TrimSuffix(t.kind, "s"), Description: t.about, MIMEType: jsonType,
		}, c.resource(func(name string) (*answer, error) { return t.read(c, name) }))
	}
}

// resource answers with what read makes of the last part of the address.
func (c *client) resource(read func(name string) (*answer, error)) sdk.ResourceHandler {
	return func(_ context.Context, r *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
		name, err := url.PathUnescape(r.Params.URI[strings.LastIndexByte(r.Params.URI, '/')+1:])
		var a *answer
		if err == nil {
			a, err = read(name)
		}
		if err != nil {
			return nil, sdk.ResourceNotFoundError(r.Params.URI)
		}
		return &sdk.ReadResourceResult{Contents: []*sdk.ResourceContents{
			{URI: r.Params.URI, MIMEType: jsonType, Text: string(a.finish(c.understood))},
		}}, nil
	}
}

func (c *client) readTrace(id string) (*answer, error) {
	return c.trace(strings.ToLower(id), "summary", "", 40)
}

func (c *client) readOperation(id string) (*answer, error) {
	for _, op := range c.con.Operations(store.MaxLimit).Operations {
		if op.ID == id {
			return c.operations("", id, 1), nil
		}
	}
	return nil, errUnknown
}

func (c *client) readComponent(name string) (*answer, error) {
	if !slices.Contains(c.checkNames(), name) {
		return nil, errUnknown
	}
	return c.status(name, 20)
}

func (c *client) readMetric(name string) (*answer, error) {
	if !slices.Contains(c.metricNames(), name) {
		return nil, errUnknown
	}
	return c.metrics(name, "", usualSince, 20), nil
}

func (c *client) traceIDs() (ids []string) {
	for _, t := range c.con.Traces(store.TraceQuery{Since: time.Now().Add(-usualSince)}).Traces {
		ids = append(ids, t.TraceID)
	}
	return ids
}

func (c *client) operationIDs() (ids []string) {
	for _, op := range c.con.Operations(store.MaxLimit).Operations {
		ids = append(ids, op.ID)
	}
	return ids
}

func (c *client) checkNames() (names []string) {
	for _, check := range c.con.Health().Checks {
		names = append(names, check.Name)
	}
	return names
}

func (c *client) metricNames() (names []string) {
	for _, in := range c.con.Instruments(func(string) bool { return true }) {
		names = append(names, in.Name)
	}
	return slices.Compact(names)
}
