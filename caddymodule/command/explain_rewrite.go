// SPDX-License-Identifier: Apache-2.0

package command

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// rewrite runs the rewrites before a gateway, of all handlers there only these: by the path
// that a client sent, `handle_path /upload/*` would lead to no endpoint. They change
// nothing but the request.
func rewrite(ctx caddy.Context, s *site, w http.ResponseWriter, r *http.Request, captured []byte) error {
	for _, handler := range s.before {
		if handler.name != "rewrite" {
			continue
		}
		if len(handler.matchers) > 0 {
			if fits, err := matchesAny(ctx, handler.matchers, captured); err != nil {
				return err
			} else if !fits {
				continue
			}
		}
		config, err := withoutName(handler.config)
		if err != nil {
			return err
		}
		loaded, err := ctx.LoadModuleByID("http.handlers.rewrite", config)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name(), err)
		}
		if err := loaded.(caddyhttp.MiddlewareHandler).ServeHTTP(w, r, nothing); err != nil {
			return err
		}
	}
	return nil
}

// withoutName returns a handler's config without the key that names its module.
func withoutName(config json.RawMessage) (json.RawMessage, error) {
	var options map[string]json.RawMessage
	if err := json.Unmarshal(config, &options); err != nil {
		return nil, err
	}
	delete(options, "handler")
	return json.Marshal(options)
}
