// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/option"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

const signatureDirective = "uploadcare_signature"

func init() {
	caddy.RegisterModule(Signature{})
	option.RegisterHandlerDirective(signatureDirective, parseSignature, option.Terminal)

	// Behind authentication, as uploadcare_sign is.
	httpcaddyfile.RegisterDirectiveOrder(signatureDirective, httpcaddyfile.Before, "reverse_proxy")
}

// Signature hands out a project's current credential, for clients that can
// sign: File Uploader's `secureUploadsSignatureResolver` and the like. It
// answers GET with `{"secureSignature":"...","secureExpire":"..."}`, and no
// cache may keep the answer.
//
// The project's token cache is the one of `uploadcare_sign` with an equal
// project. Whoever gets a credential can upload until it expires, so put
// authentication before it, and a rate limit.
//
// See https://uploadcare.com/docs/file-uploader/secure-uploads/.
type Signature struct {
	// The project whose credential is handed out; not `*`. Default: the keys
	// from the environment variables `UPLOADCARE_PUBLIC_KEY` and
	// `UPLOADCARE_SECRET_KEY`.
	Project *project.Project `json:"project,omitempty"`

	// The origins whose pages may ask, besides those of the gateway's own
	// host, as in `uploadcare_sign`. Pages of the origin `null` may, but not with
	// the passwords and cookies that the browser has. Default: none.
	CORS []string `json:"cors,omitempty"`

	gateway
}

// CaddyModule returns the Caddy module information.
func (Signature) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.uploadcare_signature",
		New: func() caddy.Module { return new(Signature) },
	}
}

// Provision loads the project's source and acquires its token cache.
func (s *Signature) Provision(ctx caddy.Context) error {
	if s.Project == nil {
		s.Project = new(project.Project)
	}
	if err := s.provision(ctx, ctx.Logger(), []*project.Project{s.Project}, s.CORS); err != nil {
		return err
	}
	switch {
	case s.Project.Name() == project.Any:
		return errors.New("a signature belongs to one project: name its public key")
	case s.Project.Scheme != source.SchemeSignature:
		return fmt.Errorf("scheme: there are no signatures to hand out in scheme %s", s.Project.Scheme)
	}
	return nil
}

// ServeHTTP implements [caddyhttp.MiddlewareHandler].
func (s *Signature) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	grantor := s.projects.Grantors(r.Context()).Of(s.Project)
	origin, allowed := askingOrigin(r, s.origins)
	incoming := newIncomingBody(r)
	header := w.Header()
	crossOrigin := origin != "" && !isSameOrigin(r, origin)
	if crossOrigin {
		allowOrigin(header, origin, allowed) // to read what is handed out, or why it is not
	}
	switch {
	case crossOrigin && isPreflight(r):
		answerPreflight(w, r, allowed)
		incoming.drainAfter(w)
		return nil
	case !allowed:
		return s.refuse(w, r, incoming, newRefusal(fmt.Errorf("origin %q: %w", origin, errSignatureOrigin)))
	case r.Method != http.MethodGet:
		header.Set("Allow", http.MethodGet)
		return s.refuse(w, r, incoming, newRefusal(errSignatureMethod))
	}
	token, err := grantor.Token(r.Context())
	if err != nil {
		return s.refuse(w, r, incoming, newRefusal(credentialError{err}))
	}
	body, err := json.Marshal(struct {
		Signature string `json:"secureSignature"`
		Expire    string `json:"secureExpire"`
	}{token.Signature, strconv.FormatInt(token.Expire, 10)})
	if err != nil {
		return err
	}
	if check := s.logger.Check(zap.DebugLevel, "handing out a signature"); check != nil {
		check.Write(zap.String("public_key", s.Project.Name()), zap.Int64("expire", token.Expire))
	}
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("X-Content-Type-Options", "nosniff")
	_, err = w.Write(body)
	incoming.drainAfter(w)
	return err
}

func parseSignature(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	signature := new(Signature)
	return signature, signature.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	uploadcare_signature [<matcher>] {
//		project <public_key> {
//			<options, as in uploadcare_sign>
//		}
//		cors <origin...>
//	}
//
// The project's options may stand directly in the block.
func (s *Signature) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	projects, cors, err := unmarshalBlock(d)
	if err != nil {
		return err
	}
	if len(projects) > 1 {
		return d.Errf("%s takes one project", signatureDirective)
	}
	if len(projects) == 1 {
		s.Project = projects[0]
	}
	s.CORS = cors
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Signature)(nil)
	_ caddy.CleanerUpper          = (*Signature)(nil)
	_ caddyfile.Unmarshaler       = (*Signature)(nil)
	_ caddyhttp.MiddlewareHandler = (*Signature)(nil)
)
