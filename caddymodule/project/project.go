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
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/shared"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
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
