// SPDX-License-Identifier: Apache-2.0

package command

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// indifferent are handlers that refuse no request. Any other handler before the gateway, a
// plugin's included, is taken to decide who may upload: a warning about a site that is
// guarded would teach operators to ignore warnings.
var indifferent = []string{
	"copy_response", "copy_response_headers", "encode", "headers", "intercept", "invoke", "log_append", "map", "metrics", "push",
	"request_body", "rewrite", "server_push", "templates", "timeouts", "tracing", "vars", "uploadcare_health", "uploadcare_signature", "uploadcare_sign",
}

// deciding are matchers that can keep clients out of a route. `host` and `path` are not among
// them: any client can send the right ones.
var deciding = []string{"remote_ip", "client_ip", "header", "expression", "vars", "tls"}

// wholeBody is a placeholder that has Caddy read a whole body into memory.
const wholeBody = "{http.request.body"

// checkBefore lists the handlers that a request passes before the gateway. Whether one of
// them decides who may upload can only be guessed; that none can is certain.
func checkBefore(s *site) finding {
	var names []string
	decides := false
	for _, handler := range s.before {
		names = append(names, handler.String())
		conditional := len(handler.matchers) > 0
		switch handler.name {
		// A Caddyfile keeps clients out with these and a matcher: `respond @strangers 403`.
		case "static_response", "error", "file_server":
			decides = decides || conditional // without a matcher, no request would get past it
		default:
			decides = decides || !slices.Contains(indifferent, handler.name)
		}
		if bytes.Contains(handler.config, []byte(wholeBody)) {
			return finding{"before", s.name(), failed, handler.name + " has the placeholder " + wholeBody + "}, for which Caddy reads each upload into memory before the gateway sees it", "take the placeholder out, or give the handler a matcher that leaves uploads alone"}
		}
	}
	for _, sets := range s.matchers {
		for _, set := range sets {
			for name := range set {
				decides = decides || slices.Contains(deciding, name)
			}
		}
	}
	text := "no handler stands before uploadcare_sign"
	if len(names) > 0 {
		text = "before uploadcare_sign stand " + strings.Join(names, ", ")
	}
	return judgeCallers(s, text, decides)
}

// judgeCallers compares what stands before the gateway with the option `callers` of each
// project.
func judgeCallers(s *site, text string, decides bool) finding {
	var handler struct {
		Projects []struct {
			PublicKey string `json:"public_key"`
			Callers   string `json:"callers"`
			Source    json.RawMessage
		} `json:"projects"`
	}
	_ = json.Unmarshal(s.sign, &handler)
	f := finding{"before", s.name(), ok, text, ""}
	// Only what is certain is a warning. If a handler could decide who may upload, only the
	// operator knows whether it does.
	const remedy = "put something before it that decides who may, such as basic_auth or forward_auth, and write `callers checked`; or write `callers anyone`, if that is meant"
	if decides {
		return f
	}
	if len(handler.Projects) == 0 {
		f.Verdict, f.Text, f.Remedy = warning, text+": anybody who reaches the site may upload", remedy
	}
	for _, project := range handler.Projects {
		// A placeholder of the request can only be in a header of the resolver, which then
		// decides for each caller.
		perCaller := bytes.Contains(project.Source, []byte("{http."))
		switch {
		case project.Callers == "checked":
			f.Verdict, f.Text, f.Remedy = warning, text+fmt.Sprintf(": nothing there checks the callers of project %s, as `callers checked` says", project.PublicKey), remedy
		case project.Callers == "" && !perCaller:
			f.Verdict, f.Text, f.Remedy = warning, text+fmt.Sprintf(": anybody who reaches the site may upload to project %s", project.PublicKey), remedy
		}
	}
	return f
}

// String returns the handler's name, with what matters of its config.
func (b *before) String() string {
	name := b.name
	var config struct {
		Providers map[string]json.RawMessage `json:"providers"` // of authentication
		MaxSize   json.Number                `json:"max_size"`  // of request_body
	}
	if json.Unmarshal(b.config, &config) == nil {
		if len(config.Providers) > 0 {
			name += " (" + strings.Join(slices.Sorted(maps.Keys(config.Providers)), ", ") + ")"
		}
		if config.MaxSize != "" {
			name += " (max_size " + config.MaxSize.String() + ")"
		}
	}
	if len(b.matchers) > 0 {
		names := make([]string, 0, len(b.matchers))
		for _, set := range b.matchers {
			names = append(names, slices.Sorted(maps.Keys(set))...)
		}
		slices.Sort(names)
		name += " [if " + strings.Join(slices.Compact(names), ", ") + "]"
	}
	return name
}
