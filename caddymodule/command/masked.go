// SPDX-License-Identifier: Apache-2.0

package command

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// masked is the source of explain. Its credentials are fakes, as long as real ones, which any
// service rejects. It is registered when explain runs and not at start, so that no config
// that is served can name it.
type masked struct {
	Scheme string `json:"scheme"`
}

const maskedName = "masked_in_explain"

var registerMasked sync.Once

// The fakes. The expiry has to be a number, and is the largest of ten digits.
var (
	maskedSignature = strings.Repeat("~", uploadapi.SignatureLength)
	maskedToken     = "~~~~~~~~.~~~~~~~~.~~~~~~~~"
)

const maskedExpire = 9999999999

// CaddyModule returns the Caddy module information.
func (masked) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: source.Namespace + "." + maskedName, New: func() caddy.Module { return new(masked) }}
}

// Token implements [source.Source].
func (m *masked) Token(context.Context, time.Time) (source.Token, error) {
	if m.Scheme == source.SchemeToken {
		return source.Token{AccessToken: maskedToken, Expire: maskedExpire}, nil
	}
	return source.Token{Signature: maskedSignature, Expire: maskedExpire}, nil
}

// CacheKey implements [source.Source].
func (m *masked) CacheKey() string { return m.Scheme }

// Local implements [source.LocalSource].
func (*masked) Local() {}

// mask returns the config of an uploadcare_sign with the source of each project replaced,
// so that nothing is asked or made, and no secret need be there.
func mask(config json.RawMessage) (json.RawMessage, error) {
	var handler map[string]json.RawMessage
	if err := json.Unmarshal(config, &handler); err != nil {
		return nil, err
	}
	var projects []map[string]json.RawMessage
	if raw, ok := handler["projects"]; ok {
		if err := json.Unmarshal(raw, &projects); err != nil {
			return nil, err
		}
	}
	if len(projects) == 0 {
		projects = []map[string]json.RawMessage{{}}
	}
	for _, project := range projects {
		if project == nil {
			continue // `null`, which loading the handler refuses
		}
		scheme, ok := project["scheme"]
		if !ok {
			scheme = json.RawMessage(`""`)
		}
		// The options that are left out depend on the source: a threshold on its lifetime, a
		// fallback and sharing on whether it asks another server.
		project["source"] = json.RawMessage(`{"module":"` + maskedName + `","scheme":` + string(scheme) + `}`)
		for _, option := range []string{"fallback", "shared", "threshold"} {
			delete(project, option)
		}
	}
	var err error
	if handler["projects"], err = json.Marshal(projects); err != nil {
		return nil, err
	}
	delete(handler, "handler")
	return json.Marshal(handler)
}

// Interface guards
var (
	_ source.Source      = (*masked)(nil)
	_ source.LocalSource = (*masked)(nil)
)
