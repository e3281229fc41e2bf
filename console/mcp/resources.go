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

// template is a sort of resource, one for each name of its kind, which a tool
// takes as an argument.
type template struct {
	kind, variable, about string
	tool                  *tool
	argument              string
	names                 func(c *client) []string
}

func templates() []template {
	return []template{
		{"traces", "id", "A trace: failures and what took the time", traceTool(), "trace_id", (*client).traceIDs},
		{"operations", "id", "A bulk operation", operationsTool(), "name", (*client).operationIDs},
		{"components", "name", "A health check with its last changes", statusTool(), "component", (*client).checkNames},
		{"metrics", "name", "The series of a metric", metricsTool(), "name", (*client).metricNames},
	}
}

func (c *client) addResources(s *sdk.Server) {
	s.AddResource(&sdk.Resource{
		URI: statusURI, Name: "status", Title: "Status", MIMEType: jsonType,
		Description: "The program as it stands; subscribe to hear of changes.",
	}, c.resource(func(string) (*answer, error) { return c.status(arguments{"limit": 100}) }))
	for _, t := range templates() {
		s.AddResourceTemplate(&sdk.ResourceTemplate{
			URITemplate: scheme + t.kind + "/{" + t.variable + "}", Name: strings.TrimSuffix(t.kind, "s"), Description: t.about, MIMEType: jsonType,
		}, c.resource(func(name string) (*answer, error) {
			in, err := t.tool.parse(encode(map[string]string{t.argument: name}))
			if err != nil || t.tool.argument(t.argument).kind == kindText && !slices.Contains(t.names(c), name) {
				return nil, sdk.ResourceNotFoundError(name)
			}
			return t.tool.read(c, in)
		}))
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
