// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"math"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/window"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/option"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
)

const (
	// windowsOption is the subdirective for the windows of HTTP/2.
	windowsOption = "http2_windows"

	// defaultWindows lets a page have 48 MiB on their way if nothing else is, which are
	// 160 MB/s from 300 ms away, and leaves a machine of 512 MB its room.
	defaultWindows = 60 << 20
)

// windows is what the HTTP/2 connections of this process may hold together. A reload
// leaves connections of the config before.
var windows window.Budget

// They show when clients far away share what is left.
func init() {
	project.AddMetrics(
		windowMetric("http2_windows_bytes", "What HTTP/2 connections together hold, or may be sent, beyond the 1 MiB of each.", windows.Held),
		windowMetric("http2_windows_limit_bytes", "How much that may be; 0 if windows are off.", windows.Limit),
	)
}

func windowMetric(name, help string, value func() int) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "caddy", Subsystem: "uploadcare", Name: name, Help: help},
		func() float64 { return float64(value()) })
}

// provisionWindows has the server give its HTTP/2 connections larger windows, unless they
// are off. Outside of an HTTP server, as when a request is explained, there are none.
func (s *Sign) provisionWindows(ctx caddy.Context) {
	limit := s.HTTP2Windows
	if limit == 0 {
		limit = defaultWindows
	}
	server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok || limit < 0 {
		return
	}
	s.withdrawWindows = windows.Allow(int(min(limit, math.MaxInt)))
	server.RegisterConnContext(windows.ConnContext())
}

// Cleanup releases the token caches, and what is kept for HTTP/2.
func (s *Sign) Cleanup() error {
	if s.withdrawWindows != nil {
		s.withdrawWindows()
	}
	return s.gateway.Cleanup()
}

// unmarshalWindows parses http2_windows.
func unmarshalWindows(d *caddyfile.Dispenser, to *int64) error {
	var value string
	switch {
	case !d.AllArgs(&value):
		return d.Errf("%s takes one argument, a size such as 60MiB, or off", windowsOption)
	case *to != 0:
		return d.Errf("%s already specified", windowsOption)
	}
	if strings.EqualFold(value, "off") {
		*to = -1
		return option.NoBlock(d, windowsOption)
	}
	size, err := humanize.ParseBytes(value)
	if err != nil || size == 0 || size > 1<<40 {
		return d.Errf("%s: '%s' is not a size such as 60MiB, or off", windowsOption, value)
	}
	*to = int64(size)
	return option.NoBlock(d, windowsOption)
}

// Interface guard
var _ caddy.CleanerUpper = (*Sign)(nil)
