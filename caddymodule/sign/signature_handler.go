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

	// After authentication, as uploadcare_sign is.
	httpcaddyfile.RegisterDirectiveOrder(signatureDirective, httpcaddyfile.Before, "reverse_proxy")
}

// Signature hands out a project's current credential to clients that send it with their
// uploads themselves, as File Uploader does with `secureUploadsSignatureResolver`. It
// responds to GET with `{"secureSignature":"...","secureExpire":"..."}`, which no cache
// may store.
//
// The credential is the same as that of an equal project of `uploadcare_sign`. Anyone who
// gets it can upload to the project until it expires, so put authentication before this
// handler, and a rate limit.
//
// See https://uploadcare.com/docs/file-uploader/secure-uploads/.
type Signature struct {
	// The project whose credential is handed out, in scheme `signature`. It cannot be
	// `*`. Default: the project with the keys from the environment variables
	// `UPLOADCARE_PUBLIC_KEY` and `UPLOADCARE_SECRET_KEY`.
	Project *project.Project `json:"project,omitempty"`

	// The origins whose pages may get the credential, besides those of the gateway's own
	// host, as in `uploadcare_sign`. From the origin `null`, requests cannot carry the
	// browser's passwords and cookies. Default: none.
	CORS []string `json:"cors,omitempty"`

	// Whether signatures are handed out although `uploadcare_sign`, anywhere in the same
	// config, has rules on what may be uploaded to the project. A signature allows any
	// upload, past the gateway and its rules; so without this, such a config is not
	// loaded. Default: `false`.
	BypassesPolicy bool `json:"bypasses_policy,omitempty"`

	gateway
}

// CaddyModule returns the Caddy module information.
func (Signature) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.uploadcare_signature",
		New: func() caddy.Module { return new(Signature) },
	}
}

// Provision loads the project's source and acquires its token cache. A project that names
// no public key, or has access tokens for single uploads, has nothing to hand out.
func (s *Signature) Provision(ctx caddy.Context) error {
	if s.Project == nil {
		s.Project = new(project.Project)
	}
	if err := s.provision(ctx, []*project.Project{s.Project}, s.CORS); err != nil {
		return err
	}
	switch {
	case s.Project.Name() == project.Any:
		return errors.New("a signature belongs to one project: name its public key")
	case s.Project.Scheme != source.SchemeSignature:
		return fmt.Errorf("scheme: there are no signatures to hand out in scheme %s", s.Project.Scheme)
	}
	if !s.BypassesPolicy {
		name := s.Project.Name()
		if s.Project.HasPolicy() { // which are not applied here
			return bypassError(name)
		}
		if err := s.join(peer{config: ctx.GetMetricsRegistry(), handsOut: name}); err != nil {
			return err
		}
	}
	s.projects.LogCallers("signatures of the project are handed out")
	return nil
}

// ServeHTTP implements [caddyhttp.MiddlewareHandler].
func (s *Signature) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	if err := refuseEarlyData(r); err != nil { // its resolver may be asked by the client's address
		return err
	}
	grantor := s.projects.Grantors(r.Context()).Of(s.Project)
	origin, allowed := requestOrigin(r, s.origins)
	incoming := newIncomingBody(r)
	response := newResponseWriter(w, incoming)
	header := w.Header()
	crossOrigin := origin != "" && !isSameOrigin(r, origin)
	if crossOrigin {
		allowOrigin(header, origin, allowed) // also if it is not: the page can read the reason
	}
	switch {
	case crossOrigin && isPreflight(r):
		respondToPreflight(response, r, allowed)
		return response.end(nil)
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
	header.Set("Cache-Control", "no-store") // a cached one would be handed out to others, and when it has expired
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("X-Content-Type-Options", "nosniff")
	_, err = response.Write(body)
	return response.end(err)
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
//		bypasses_policy
//	}
//
// The project's options may stand directly in the block.
func (s *Signature) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	flags := map[string]*bool{bypassOption: &s.BypassesPolicy}
	options, err := unmarshalBlock(d, flags, bypassOption+", project, cors, "+project.Options, isCommonOption)
	if err != nil {
		return err
	}
	projects, cors, err := options.unmarshal()
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
