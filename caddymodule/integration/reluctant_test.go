// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"io"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	caddy.RegisterModule(reluctant{})
	httpcaddyfile.RegisterHandlerDirective("reluctant", func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		handler := new(reluctant)
		h.Next()
		if !h.AllArgs(&handler.Way) {
			return nil, h.ArgErr()
		}
		return handler, nil
	})
}

// reluctant is a handler of other people's that does not read the body.
type reluctant struct {
	// Way is how it ends a request.
	Way string `json:"way"`
}

// CaddyModule returns the Caddy module information.
func (reluctant) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.reluctant", New: func() caddy.Module { return new(reluctant) }}
}

// ServeHTTP implements [caddyhttp.MiddlewareHandler].
func (h *reluctant) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	switch h.Way {
	case "writes":
		_, err := io.WriteString(w, "written")
		return err
	case "writes more than a buffer":
		_, err := io.WriteString(w, longResponse)
		return err
	case "flushes":
		if _, err := io.WriteString(w, "flushed, "); err != nil {
			return err
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return err
		}
		_, err := io.WriteString(w, "and more")
		return err
	case "reads a little":
		if _, err := io.CopyN(io.Discard, r.Body, 100); err != nil {
			return err
		}
		_, err := io.WriteString(w, "read a little")
		return err
	case "reads a little and fails":
		_, _ = io.CopyN(io.Discard, r.Body, 100)
		return caddyhttp.Error(http.StatusTeapot, nil)
	case "panics":
		panic("on purpose")
	case "aborts":
		panic(http.ErrAbortHandler)
	case "writes a header alone":
		w.WriteHeader(http.StatusNoContent)
		return nil
	case "does nothing":
		return nil
	}
	return next.ServeHTTP(w, r)
}
