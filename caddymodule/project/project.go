// SPDX-License-Identifier: Apache-2.0

// Package project is an Uploadcare project: its source of credentials, the cached tokens,
// what follows from the service's verdicts on them, and its logs and metrics.
//
// A handler has a [Set] of projects. For each attempt at an upload, [Signing] gets a
// credential from the project's cache or source, and records whether the service accepted
// it. Credentials outlive a config: they are pooled, by a hash of all that decides them.
package project

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/shared"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/option"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/policy"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

const (
	defaultPublicKey = "{env.UPLOADCARE_PUBLIC_KEY}"
	defaultThreshold = 10 * time.Minute

	// Any is the public key that stands for all that no other project names.
	Any = "*"
)

// Project is an Uploadcare project whose uploads are signed.
type Project struct {
	// The project's public key, or `*` for every key that no other project
	// names. Placeholders of the environment and of files are resolved when
	// the config is loaded. Default: `{env.UPLOADCARE_PUBLIC_KEY}`.
	PublicKey string `json:"public_key,omitempty"`

	// What a credential is: `signature`, a signature and its expiry among the
	// request's fields, or `token`, a JWT in the header Authorization. The
	// header leaves before a form is read, so a project of scheme `token` is
	// the only one of its handler. Default: `signature`.
	Scheme string `json:"scheme,omitempty"`

	// Where the project's credentials come from. Required if there are several
	// projects. Default: `secret_key` with its own defaults.
	SourceRaw json.RawMessage `json:"source,omitempty" caddy:"namespace=uploadcare.sources inline_key=module"`

	// Where they come from while the source fails, or has not responded within a
	// second, and no cached credential is left that has not expired: usually `static`;
	// not `secret_key` or `resolver`. What the source refuses stays refused. A source
	// that depends on the request cannot have a fallback. Default: none.
	FallbackRaw json.RawMessage `json:"fallback,omitempty" caddy:"namespace=uploadcare.sources inline_key=module"`

	// How long before its expiry a credential is not used any more and is made
	// anew; fractions of a second are dropped. A credential that does not live
	// longer than this is used for half of its life. The lifetime of
	// `secret_key` must be longer. Default: `10m`.
	Threshold *caddy.Duration `json:"threshold,omitempty"`

	// Whether gateways with the same storage share the credentials that the source
	// hands out, so that one of them asks and the others read. Not for `secret_key` and
	// `static`, which need not ask anything. Default: `false`.
	Shared bool `json:"shared,omitempty"`

	// What may be uploaded to the project, and on whose behalf. Default: whatever the
	// service takes, with the fields that the client sends.
	Policy *policy.Policy `json:"policy,omitempty"`

	// Who may upload: `checked`, those whom something in front of the handler lets
	// through, such as `basic_auth`; or `anyone` who reaches it. Nothing but the log
	// line that says so at load depends on it: the handler cannot see what stands
	// before it. A source that depends on the request decides by itself. Default:
	// none, and the line is a warning.
	Callers string `json:"callers,omitempty"`

	publicKey string
	refusals  []string // the codes by which uploads are refused
	threshold time.Duration
	rules     *policy.Rules // nil if there are none
	logger    *zap.Logger
	source    source.Source
	fallback  source.Source
	// perRequest is the source if its tokens depend on the request, otherwise nil.
	perRequest source.RequestSource
	// accessTokens makes an access token for each request; nil if tokens are cached.
	accessTokens source.AccessTokenSource
	// keyring takes the place of the source if that has secret keys, otherwise nil.
	keyring     *keyring
	ask         token.Source // asks the source, for the cache
	credentials *credentials
	fleet       *shared.Tokens // nil unless credentials are shared
	released    atomic.Bool    // the config that it belongs to has gone
	poolKey     string         // empty unless the credentials are acquired
	metrics     *projectMetrics
}

// Name returns the public key that the project is configured with, its
// placeholders replaced, or [Any]. Metrics and logs name the project by it.
func (p *Project) Name() string { return p.publicKey }

// Uploads are the metrics of the project's uploads. Those of a config that has gone may
// still be under way, and each is to be counted: as the project's if another config has
// it, and otherwise as one whose project is not known, for its series are deleted.
func (p *Project) Uploads() UploadsMetrics {
	switch {
	case !p.released.Load():
		return p.metrics.uploads
	case metrics.isLoaded(p.publicKey):
		return newUploadsMetrics(p.publicKey, p.refusals)
	}
	return newUploadsMetrics(unknownProject, p.refusals)
}

// Retried counts an upload that was retried, by what has become of the last attempt.
func (p *Project) Retried(outcome Outcome) { p.metrics.retries[outcome].Inc() }

// provision sets the defaults, loads the sources and acquires the credentials. The
// sources are loaded before the options are checked, since what may stand beside what
// depends on what they can do.
func (p *Project) provision(ctx caddy.Context, logger *zap.Logger) error {
	if p.PublicKey == "" {
		p.PublicKey = defaultPublicKey
	}
	if p.Scheme == "" {
		p.Scheme = source.SchemeSignature
	}
	var err error
	if p.publicKey, err = option.Resolve("public key", p.PublicKey); err != nil {
		return err
	}
	// A mistake, such as two words where one belongs: all uploads would be refused for
	// naming another project.
	if err := checkPublicKey(p.publicKey); err != nil {
		return err
	}
	p.threshold = defaultThreshold
	if p.Threshold != nil {
		p.threshold = time.Duration(*p.Threshold)
	}
	if p.rules, err = compilePolicy(p.Policy); err != nil {
		return err
	}
	p.logger = logger.With(zap.String("public_key", p.publicKey))
	if err := p.loadSources(ctx); err != nil {
		return err
	}
	if err := p.check(); err != nil {
		return err
	}
	if err := p.acquireCredentials(ctx); err != nil {
		return err
	}
	if p.fallback != nil {
		p.logger.Warn("both a source of credentials and a static one are set; the source will be used, and the static one only while it fails",
			zap.String("source", sourceName(p.source)), zap.String("fallback", sourceName(p.fallback)))
	}
	p.watchExpiry(ctx)
	loaded.add(p)
	return nil
}

// checkPublicKey returns an error if no project can have a public key.
func checkPublicKey(key string) error {
	switch {
	case len(key) > uploadapi.MaxPublicKeyLength:
		return fmt.Errorf("public key: %q is not one: it has %d characters, and a key %d at most", key[:uploadapi.MaxPublicKeyLength]+"...", len(key), uploadapi.MaxPublicKeyLength)
	case strings.ContainsAny(key, " \t\r\n\""):
		return fmt.Errorf("public key: %q is not one: there is a blank, a line end or a quote in it", key)
	}
	return nil
}

func (p *Project) loadSources(ctx caddy.Context) error {
	if p.SourceRaw == nil {
		p.SourceRaw = json.RawMessage(`{"module":"secret_key"}`)
	}
	var err error
	if p.source, err = loadSource(ctx, p, "SourceRaw"); err != nil {
		return err
	}
	// A resolver depends on the request only if a header of it has a placeholder of the
	// request.
	if src, ok := p.source.(source.RequestSource); ok && src.DependsOnRequest() {
		p.perRequest = src
	}
	if p.keyring, err = p.newKeyring(); err != nil {
		return err
	}
	if p.Scheme == source.SchemeToken {
		if p.accessTokens, err = p.accessTokenSource(); err != nil {
			return err
		}
	}
	if p.FallbackRaw == nil {
		return nil
	}
	if p.fallback, err = loadSource(ctx, p, "FallbackRaw"); err != nil {
		return fmt.Errorf("fallback: %w", err)
	}
	return nil
}

// loadSource loads the module in a field. Anyone may register one in the namespace, so it
// may be no source.
func loadSource(ctx caddy.Context, p *Project, field string) (source.Source, error) {
	raw := p.SourceRaw
	if field == "FallbackRaw" {
		raw = p.FallbackRaw
	}
	var named struct{ Module string }
	if err := json.Unmarshal(raw, &named); err != nil || named.Module == "" { // for which Caddy's error shows all of it, a secret key, too
		return nil, errors.New(`source: it has no "module", which names the source, such as "secret_key"`)
	}
	loaded, err := ctx.LoadModule(p, field)
	if err != nil {
		return nil, err
	}
	src, ok := loaded.(source.Source)
	if !ok {
		return nil, fmt.Errorf("%T is not a source of credentials", loaded)
	}
	return src, nil
}

// sourceName returns the name of a source in the Caddyfile.
func sourceName(src source.Source) string { return caddy.ModuleID(caddy.GetModuleID(src)).Name() }

// fallbackName returns the name of the fallback, or "" without one.
func (p *Project) fallbackName() string {
	if p.fallback == nil {
		return ""
	}
	return sourceName(p.fallback)
}

// check checks the options against each other.
func (p *Project) check() error {
	switch {
	case p.Scheme != source.SchemeSignature && p.Scheme != source.SchemeToken:
		return fmt.Errorf("scheme: %q is neither %s nor %s", p.Scheme, source.SchemeSignature, source.SchemeToken)
	case p.Callers != "" && !isCallers(p.Callers):
		return fmt.Errorf("callers: %q is neither %s nor %s", p.Callers, CallersChecked, CallersAnyone)
	case p.threshold < 0:
		return fmt.Errorf("threshold: %s is negative", p.threshold)
	case p.threshold > 0 && p.threshold < time.Second:
		return fmt.Errorf("threshold: %s is less than a second; in JSON, a number is in nanoseconds: did you mean %q?", p.threshold, fmt.Sprintf("%ds", p.threshold))
	// It would sign for callers that the back end refuses.
	case p.fallback != nil && p.perRequest != nil:
		return fmt.Errorf("%s depends on the request: %s would stand in for it for every caller", sourceName(p.source), sourceName(p.fallback))
	}
	if validator, ok := p.source.(source.SchemeValidator); ok {
		if err := validator.ValidateScheme(p.Scheme); err != nil {
			return err
		}
	}
	switch p.fallback.(type) {
	case source.KeyedSource, source.RequestSource: // which could be the source, and would be asked for each upload
		return fmt.Errorf("fallback: %s cannot stand in for another source: static can", sourceName(p.fallback))
	}
	if err := errors.Join(p.checkFixed(), p.checkShared()); err != nil {
		return err
	}
	fixed, ok := p.source.(source.FixedLifetime)
	switch {
	case p.accessTokens != nil && p.Threshold != nil:
		return errors.New("threshold: access tokens are made for each request, and not kept")
	case p.accessTokens != nil && p.fallback != nil:
		return fmt.Errorf("fallback: access tokens are made for each request, and %s would never stand in", sourceName(p.fallback))
	case p.accessTokens != nil || !ok:
		return nil
	}
	// The same comparison, in whole seconds, as the cache makes: a config that passes here
	// must not make every token expired there.
	lifetime := fixed.TokenLifetime()
	if p.threshold.Truncate(time.Second) >= lifetime.Truncate(time.Second) {
		return fmt.Errorf("threshold: %s is not shorter than the lifetime, %s, so every credential would expire at once", p.threshold, lifetime)
	}
	return nil
}
