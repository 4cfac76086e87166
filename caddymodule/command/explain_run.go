// SPDX-License-Identifier: Apache-2.0

package command

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/sign"
)

// explanation is what would become of a request.
type explanation struct {
	site     *site // nil if the request would reach no gateway
	sites    []*site
	reach    reach
	request  *http.Request
	endpoint *uploadapi.SignedEndpoint // nil if the request would not be signed
	project  string                    // empty if it is not known

	takenOut, putIn []string
	forwarded       *forwarded // nil if it would be refused
	status          int        // of a refusal
	code, text      string
}

// explain runs a captured request through the uploadcare_sign that it would reach, with
// nothing behind it but a recorder.
func explain(config, captured []byte) (*explanation, error) {
	sites, err := findSites(config)
	if err != nil {
		return nil, err
	}
	if len(sites) == 0 {
		return nil, errors.New("there is no uploadcare or uploadcare_sign in the config")
	}
	original, err := parse(captured)
	if err != nil {
		return nil, err
	}
	e := &explanation{sites: sites, request: original}
	// Modules ask the context's config for their loggers. None of the examined config's apps is
	// in it: they might connect to other servers.
	ctx, err := caddy.ProvisionContext(&caddy.Config{Logging: quiet()})
	if err != nil {
		return nil, err
	}
	if e.reach, err = reached(ctx, sites, captured); err != nil || e.reach.passage == nil {
		return e, err
	}
	e.site = e.reach.site
	signer, err := loadMasked(ctx, e.site)
	if err != nil {
		return nil, err
	}
	defer signer.Cleanup() //nolint:errcheck // the command ends

	next, r, response := new(recorder), e.reach.request, e.reach.response
	// Of another than the captured request: handlers change theirs.
	e.endpoint = uploadapi.Signed(r.Method, r.URL.Path)
	err = signer.ServeHTTP(response, r, next)
	e.forwarded = next.forwarded
	if e.forwarded == nil {
		e.refused(response.status, response.body.String(), err)
		e.code, _ = e.reach.replacer.GetString(codePlaceholder)
	}
	e.compare(captured)
	e.project = e.projectOf(signer, captured)
	return e, nil
}

// refused notes the response that the client would get in place of the upstream's.
func (e *explanation) refused(status int, text string, err error) {
	e.status, e.text = status, strings.TrimSpace(text)
	if err != nil {
		e.text = err.Error()
	}
}

// loadMasked loads a site's own uploadcare_sign, with masked sources.
func loadMasked(ctx caddy.Context, s *site) (*sign.Sign, error) {
	registerMasked.Do(func() { caddy.RegisterModule(masked{}) })
	config, err := mask(s.sign)
	if err != nil {
		return nil, err
	}
	loaded, err := ctx.LoadModuleByID("http.handlers."+signHandler, config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name(), err)
	}
	return loaded.(*sign.Sign), nil
}

// recorder takes the place of the proxy, and keeps the request that it gets. It responds as the
// service does to an upload, or the handler would refuse the upload for want of a response.
type recorder struct{ forwarded *forwarded }

// forwarded is a request as it would go to the proxy.
type forwarded struct {
	request *http.Request
	body    []byte
}

// ServeHTTP implements [caddyhttp.Handler]. The body fails if the gateway refuses the form
// while it is read; then nothing is recorded.
func (n *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) error {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return err
		}
	}
	n.forwarded = &forwarded{r, body}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(map[string]string{"file": "00000000-0000-4000-8000-000000000000"})
}

// bytes returns the request as it would stand on the connection to the proxy's upstream,
// but for what the proxy itself changes.
func (f *forwarded) bytes() []byte {
	var all bytes.Buffer
	all.Write(f.head(f.request.URL.RequestURI()))
	all.Write(f.body)
	return all.Bytes()
}

// Interface guard
var _ caddyhttp.Handler = (*recorder)(nil)
