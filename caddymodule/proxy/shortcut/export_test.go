// SPDX-License-Identifier: Apache-2.0

package shortcut

import (
	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// SetLogger has a shortcut log to another logger. It reports false if the handler
// is none.
func SetLogger(handler caddyhttp.MiddlewareHandler, logger *zap.Logger) bool {
	s, ok := handler.(*shortcut)
	if ok {
		s.logger = logger
	}
	return ok
}
