// SPDX-License-Identifier: Apache-2.0

package command

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// rewrite runs a handler `rewrite`.
func rewrite(ctx caddy.Context, config json.RawMessage, w http.ResponseWriter, r *http.Request) error {
	config, err := withoutKey(config, "handler")
	if err != nil {
		return err
	}
	loaded, err := ctx.LoadModuleByID("http.handlers.rewrite", config)
	if err != nil {
		return fmt.Errorf("rewrite: %w", err)
	}
	return loaded.(caddyhttp.MiddlewareHandler).ServeHTTP(w, r, nothing)
}

// withoutKey returns a module's config without the key that names the module.
func withoutKey(config json.RawMessage, key string) (json.RawMessage, error) {
	var options map[string]json.RawMessage
	if err := json.Unmarshal(config, &options); err != nil {
		return nil, err
	}
	delete(options, key)
	return json.Marshal(options)
}
