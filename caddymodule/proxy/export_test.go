// SPDX-License-Identifier: Apache-2.0

package proxy

import "go.uber.org/zap"

// ShortcutLogs has the proxy's shortcut log to another logger. It reports false if
// there is no shortcut.
func (p *Proxy) ShortcutLogs(logger *zap.Logger) bool {
	s, ok := p.proxy.(*shortcut)
	if ok {
		s.logger = logger
	}
	return ok
}
