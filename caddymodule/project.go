// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

const (
	// sourceNamespace is where guest modules that yield credentials live.
	sourceNamespace = "uploadcare.sources"

	defaultPublicKey = "{env.UPLOADCARE_PUBLIC_KEY}"
	defaultThreshold = 10 * time.Minute

	// anyProject is the public key that stands for all others.
	anyProject = "*"
)

// Project is an Uploadcare project whose uploads are signed.
type Project struct {
	// The project's public key, or `*` for every key that no other project
	// names. Placeholders of the environment and of files are resolved when
	// the config is loaded. Default: `{env.UPLOADCARE_PUBLIC_KEY}`.
	PublicKey string `json:"public_key,omitempty"`

	// Where the project's credentials come from. Required if there are several
	// projects. Default: `secret_key` with its own defaults.
	SourceRaw json.RawMessage `json:"source,omitempty" caddy:"namespace=uploadcare.sources inline_key=module"`

	// How long before its expiry a credential is not used any more and is made
	// anew; fractions of a second are dropped. It must be shorter than the
	// lifetime of the credentials. Default: `10m`.
	Threshold *caddy.Duration `json:"threshold,omitempty"`

	source    Source
	publicKey string
	threshold time.Duration
	cache     *token.Cache
	cacheKey  string // empty unless the cache is acquired
}

// tokenCaches keeps the token caches of all loaded configs, so that a reload
// does not lose them. The keys are hashes: they are made from secrets.
var tokenCaches = caddy.NewUsagePool()

// pooledCache makes a token cache fit for the pool. A cache that is taken out
// of the pool goes on working for the requests that still use it.
type pooledCache struct{ *token.Cache }

func (pooledCache) Destruct() error { return nil }

func (p *Project) provision(ctx caddy.Context) error {
	if p.PublicKey == "" {
		p.PublicKey = defaultPublicKey
	}
	var err error
	if p.publicKey, err = resolve("public key", p.PublicKey); err != nil {
		return err
	}
	if len(p.publicKey) > uploadapi.MaxPublicKeyLength || strings.ContainsAny(p.publicKey, " \t\r\n\"") {
		return fmt.Errorf("public key: %q is not one", p.publicKey)
	}
	p.threshold = defaultThreshold
	if p.Threshold != nil {
		p.threshold = time.Duration(*p.Threshold)
	}
	if err := p.loadSource(ctx); err != nil {
		return err
	}
	if err := p.checkThreshold(); err != nil {
		return err
	}
	return p.acquireCache()
}

func (p *Project) loadSource(ctx caddy.Context) error {
	if p.SourceRaw == nil {
		p.SourceRaw = json.RawMessage(`{"module":"secret_key"}`)
	}
	loaded, err := ctx.LoadModule(p, "SourceRaw")
	if err != nil {
		return err
	}
	source, ok := loaded.(Source)
	if !ok {
		return fmt.Errorf("%T is not a source of credentials", loaded)
	}
	p.source = source
	return nil
}

func (p *Project) checkThreshold() error {
	if p.threshold < 0 {
		return fmt.Errorf("threshold: %s is negative", p.threshold)
	}
	fixed, ok := p.source.(FixedLifetime)
	if !ok {
		return nil
	}
	// The very comparison that the cache makes, in whole seconds.
	lifetime := fixed.TokenLifetime()
	if p.threshold.Truncate(time.Second) >= lifetime.Truncate(time.Second) {
		return fmt.Errorf("threshold: %s is not shorter than the lifetime, %s, so every credential would expire at once", p.threshold, lifetime)
	}
	return nil
}

func (p *Project) acquireCache() error {
	hash := sha256.New()
	_, _ = fmt.Fprintf(hash, "%q %q %d %q", p.publicKey, caddy.GetModuleID(p.source), p.threshold, p.source.CacheKey())
	key := hex.EncodeToString(hash.Sum(nil))
	pooled, _, err := tokenCaches.LoadOrNew(key, func() (caddy.Destructor, error) {
		return pooledCache{token.NewCache(p.threshold, time.Now)}, nil
	})
	if err != nil {
		return err
	}
	p.cache, p.cacheKey = pooled.(pooledCache).Cache, key
	return nil
}

// release gives the token cache back. It may be called on a project that was
// not provisioned, or only in part.
func (p *Project) release() error {
	if p == nil || p.cacheKey == "" {
		return nil
	}
	_, err := tokenCaches.Delete(p.cacheKey)
	p.cacheKey = ""
	return err
}

// token returns a credential that has not expired.
func (p *Project) token(ctx context.Context) (Token, error) {
	return p.cache.Get(ctx, p.source.Token)
}

// provisionProjects provisions projects and returns them by public key.
func provisionProjects(ctx caddy.Context, projects []*Project) (map[string]*Project, error) {
	byKey := make(map[string]*Project, len(projects))
	for i, project := range projects {
		if project == nil {
			return nil, fmt.Errorf("project %d is null", i)
		}
		if project.SourceRaw == nil && len(projects) > 1 {
			return nil, fmt.Errorf("project %s: no source of credentials; with several projects each needs its own, such as secret_key", project.PublicKey)
		}
		if err := project.provision(ctx); err != nil {
			return nil, fmt.Errorf("project %s: %w", project.PublicKey, err)
		}
		if _, twice := byKey[project.publicKey]; twice {
			return nil, fmt.Errorf("project %s: the public key is there twice", project.publicKey)
		}
		byKey[project.publicKey] = project
	}
	return byKey, nil
}
