package mcp

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// fixtures adds what the conformance suite calls: tools, resources and prompts by
// which it looks at everything that the protocol can carry.
func fixtures(s *sdk.Server) {
	contents(s)
	diagnostics(s)
	asking(s)
	prompts(s)
	s.AddReceivingMiddleware(watched)
	resource := func(uri string, c sdk.ResourceContents) {
		s.AddResource(&sdk.Resource{URI: uri, Name: uri[len("test://"):], MIMEType: c.MIMEType},
			func(context.Context, *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
				return &sdk.ReadResourceResult{Contents: []*sdk.ResourceContents{{URI: uri, MIMEType: c.MIMEType, Text: c.Text, Blob: c.Blob}}}, nil
			})
	}
	resource("test://static-text", sdk.ResourceContents{MIMEType: "text/plain", Text: "This is the content of the static text resource."})
	resource("test://static-binary", sdk.ResourceContents{MIMEType: "image/png", Blob: png()})
	s.AddResourceTemplate(&sdk.ResourceTemplate{URITemplate: "test://template/{id}/data", Name: "template", MIMEType: jsonType},
		func(_ context.Context, r *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
			id := strings.Split(r.Params.URI, "/")[3]
			text := fmt.Sprintf(`{"id":%q,"templateTest":true,"data":"Data for ID: %s"}`, id, id)
			return &sdk.ReadResourceResult{Contents: []*sdk.ResourceContents{{URI: r.Params.URI, Text: text}}}, nil
		})
}

// watched makes the suite's resource that changes the one that changes here.
func watched(next sdk.MethodHandler) sdk.MethodHandler {
	return func(ctx context.Context, method string, r sdk.Request) (sdk.Result, error) {
		switch p := r.GetParams().(type) {
		case *sdk.SubscribeParams:
			p.URI = strings.Replace(p.URI, "test://watched-resource", statusURI, 1)
		case *sdk.UnsubscribeParams:
			p.URI = strings.Replace(p.URI, "test://watched-resource", statusURI, 1)
		}
		return next(ctx, method, r)
	}
}

// png is a picture of one dot.
func png() []byte {
	b, err := base64.StdEncoding.DecodeString("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
	if err != nil {
		panic(err)
	}
	return b
}

func fixture(s *sdk.Server, name string, h sdk.ToolHandler) {
	s.AddTool(&sdk.Tool{Name: name, Description: "For the conformance suite.", InputSchema: json.RawMessage(`{"type":"object"}`)}, h)
}

func said(text string) *sdk.CallToolResult {
	return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: text}}}
}

func contents(s *sdk.Server) {
	text := &sdk.TextContent{Text: "This is a simple text response for testing."}
	image := &sdk.ImageContent{MIMEType: "image/png", Data: png()}
	embedded := &sdk.EmbeddedResource{Resource: &sdk.ResourceContents{URI: "test://embedded", MIMEType: "text/plain", Text: "embedded"}}
	for name, all := range map[string][]sdk.Content{
		"test_simple_text":            {text},
		"test_image_content":          {image},
		"test_audio_content":          {&sdk.AudioContent{MIMEType: "audio/wav", Data: []byte("RIFF$\x00\x00\x00WAVEfmt ")}},
		"test_embedded_resource":      {embedded},
		"test_multiple_content_types": {text, image, embedded},
		"test_streaming_elicitation":  {text},
	} {
		fixture(s, name, func(context.Context, *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
			return &sdk.CallToolResult{Content: all}, nil
		})
	}
	fixture(s, "test_error_handling", func(context.Context, *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		failed := said("This tool intentionally returns an error for testing")
		failed.IsError = true
		return failed, nil
	})
}

func diagnostics(s *sdk.Server) {
	logs := func(times int) sdk.ToolHandler {
		return func(ctx context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
			for range times {
				//nolint:staticcheck // the suite looks at what is deprecated, too
				if err := r.Session.Log(ctx, &sdk.LoggingMessageParams{Level: "info", Data: "running"}); err != nil {
					return nil, err
				}
			}
			return said("logged"), nil
		}
	}
	fixture(s, "test_tool_with_logging", logs(3))
	fixture(s, "test_logging_tool", logs(1))
	fixture(s, "test_tool_with_progress", func(ctx context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		token := r.Params.GetProgressToken()
		for _, done := range []float64{0, 50, 100} {
			if err := r.Session.NotifyProgress(ctx, &sdk.ProgressNotificationParams{ProgressToken: token, Progress: done, Total: 100}); err != nil {
				return nil, err
			}
		}
		return said(fmt.Sprint(token)), nil
	})
	fixture(s, "test_missing_capability", func(_ context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		if c := r.ClientCapabilities(); c != nil && c.Sampling != nil { //nolint:staticcheck // as above
			return said("declared"), nil
		}
		return nil, &jsonrpc.Error{
			Code: sdk.CodeMissingRequiredClientCapabilities, Message: "sampling is not declared",
			Data: json.RawMessage(`{"requiredCapabilities":{"sampling":{}}}`),
		}
	})
}

func prompts(s *sdk.Server) {
	add := func(name string, arguments []string, all func(map[string]string) []sdk.Content) {
		p := &sdk.Prompt{Name: name, Description: "For the conformance suite."}
		for _, a := range arguments {
			p.Arguments = append(p.Arguments, &sdk.PromptArgument{Name: a, Description: "an argument", Required: true})
		}
		s.AddPrompt(p, func(_ context.Context, r *sdk.GetPromptRequest) (*sdk.GetPromptResult, error) {
			result := &sdk.GetPromptResult{}
			for _, c := range all(r.Params.Arguments) {
				result.Messages = append(result.Messages, &sdk.PromptMessage{Role: "user", Content: c})
			}
			return result, nil
		})
	}
	add("test_simple_prompt", nil, func(map[string]string) []sdk.Content {
		return []sdk.Content{&sdk.TextContent{Text: "This is a simple prompt for testing."}}
	})
	add("test_prompt_with_arguments", []string{"arg1", "arg2"}, func(in map[string]string) []sdk.Content {
		return []sdk.Content{&sdk.TextContent{Text: fmt.Sprintf("Prompt with arguments: arg1='%s', arg2='%s'", in["arg1"], in["arg2"])}}
	})
	add("test_prompt_with_embedded_resource", []string{"resourceUri"}, func(in map[string]string) []sdk.Content {
		return []sdk.Content{
			&sdk.EmbeddedResource{Resource: &sdk.ResourceContents{URI: in["resourceUri"], MIMEType: "text/plain", Text: "embedded"}},
			&sdk.TextContent{Text: "Please process the embedded resource above."},
		}
	})
	add("test_prompt_with_image", nil, func(map[string]string) []sdk.Content {
		return []sdk.Content{&sdk.ImageContent{MIMEType: "image/png", Data: png()}, &sdk.TextContent{Text: "Please analyze the image above."}}
	})
}

func elicit(property string) *sdk.ElicitParams {
	schema := fmt.Sprintf(`{"type":"object","properties":{%q:{"type":"string"}},"required":[%[1]q]}`, property)
	return &sdk.ElicitParams{Message: "What is it?", RequestedSchema: json.RawMessage(schema)}
}

// asking adds tools and a prompt that want something of the client before they
// answer.
func asking(s *sdk.Server) {
	//nolint:staticcheck // as above
	sample := &sdk.CreateMessageParams{Messages: []*sdk.SamplingMessage{{Role: "user", Content: &sdk.TextContent{Text: "What is it?"}}}, MaxTokens: 50}
	roots := &sdk.ListRootsParams{} //nolint:staticcheck // as above
	state := "signed"
	add := func(name, state string, wanted sdk.InputRequestMap) {
		fixture(s, "test_input_required_result_"+name, func(_ context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
			if given := r.Params.RequestState; given != "" && given != state {
				return nil, &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: "the state was changed"}
			}
			for name := range wanted {
				if r.Params.InputResponses[name] == nil {
					return &sdk.CallToolResult{InputRequests: wanted, RequestState: state}, nil
				}
			}
			return said("state-ok: " + string(encode(r.Params.InputResponses))), nil
		})
	}
	add("elicitation", "", sdk.InputRequestMap{"user_name": elicit("name")})
	add("sampling", "", sdk.InputRequestMap{"capital_question": sample})
	add("list_roots", "", sdk.InputRequestMap{"client_roots": roots})
	add("request_state", state, sdk.InputRequestMap{"confirm": elicit("ok")})
	add("tampered_state", state, sdk.InputRequestMap{"confirm": elicit("ok")})
	add("multiple_inputs", state, sdk.InputRequestMap{"user_name": elicit("name"), "greeting": sample, "client_roots": roots})
	fixture(s, "test_input_required_result_multi_round", func(_ context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		next := map[string]string{"": "step1", "step1": "step2"}[r.Params.RequestState]
		if next == "" {
			return said("done"), nil
		}
		return &sdk.CallToolResult{InputRequests: sdk.InputRequestMap{next: elicit("it")}, RequestState: next}, nil
	})
	fixture(s, "test_input_required_result_capabilities", func(_ context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		wanted, c := sdk.InputRequestMap{}, r.ClientCapabilities()
		if c != nil && c.Elicitation != nil {
			wanted["user_name"] = elicit("name")
		}
		if c != nil && c.Sampling != nil { //nolint:staticcheck // as above
			wanted["greeting"] = sample
		}
		if len(wanted) == 0 || len(r.Params.InputResponses) > 0 {
			return said("done"), nil
		}
		return &sdk.CallToolResult{InputRequests: maps.Clone(wanted)}, nil
	})
	s.AddPrompt(&sdk.Prompt{Name: "test_input_required_result_prompt", Description: "For the conformance suite."},
		func(_ context.Context, r *sdk.GetPromptRequest) (*sdk.GetPromptResult, error) {
			if r.Params.InputResponses["user_context"] == nil {
				return &sdk.GetPromptResult{InputRequests: sdk.InputRequestMap{"user_context": elicit("context")}}, nil
			}
			return prompt("done", string(encode(r.Params.InputResponses))), nil
		})
}
