// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/transport"
)

// checkUpstreams returns an error if uploads would go to another machine without TLS, and
// that is not allowed. Otherwise it logs where they go: here, since a handler that signs
// does not know what stands behind it, and it may be no proxy of this module.
func (p *Proxy) checkUpstreams(logger *zap.Logger) error {
	own, ok := p.Transport.(*transport.Transport)
	plaintext, err := transport.CheckUpstreams(p.Handler, p.Transport, p.InsecureHTTP || ok && own.InsecureHTTP)
	if err != nil {
		return err
	}
	upstreams := make([]string, 0, len(p.Upstreams)+1)
	for _, upstream := range p.Upstreams {
		upstreams = append(upstreams, upstream.Dial)
	}
	if p.DynamicUpstreams != nil {
		upstreams = append(upstreams, "dynamic")
	}
	secure, ok := p.Transport.(reverseproxy.TLSTransport)
	fields := []zap.Field{zap.Strings("upstreams", upstreams), zap.Bool("tls", ok && secure.TLSEnabled())}
	if plaintext {
		logger.Warn("uploads go upstream without TLS, as "+transport.InsecureOption+" says: the network can read signatures and files", fields...)
		return nil
	}
	logger.Info("uploads go upstream", fields...)
	return nil
}
