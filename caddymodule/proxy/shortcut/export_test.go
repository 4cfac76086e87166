// SPDX-License-Identifier: Apache-2.0

package shortcut

import (
	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// SetLogger sets the logger of a shortcut. It reports false if the handler is not one.
func SetLogger(handler caddyhttp.MiddlewareHandler, logger *zap.Logger) bool {
	s, ok := handler.(*shortcut)
	if ok {
		s.logger = logger
	}
	return ok
}
