// SPDX-License-Identifier: Apache-2.0

package status

import (
	"sync"

	"go.uber.org/zap"
)

// reported is the cause that was logged last, "" while the gateway is ready. There is one
// for the process: several probes see the same.
var reported struct {
	mu    sync.Mutex
	cause string
}

// report logs why the gateway is not ready, and when it is ready again: once for each cause,
// since probes come every few seconds and would fill the log.
func (v verdict) report(logger *zap.Logger) verdict {
	reported.mu.Lock()
	defer reported.mu.Unlock()
	if v.cause == reported.cause {
		return v
	}
	if reported.cause = v.cause; v.ok {
		logger.Info("the gateway is ready again; health checks get 200")
	} else {
		logger.Warn("the gateway is not ready; health checks get 503", zap.String("cause", v.cause), zap.Any("projects", v.reasons))
	}
	return v
}
