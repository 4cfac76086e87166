// SPDX-License-Identifier: Apache-2.0

package project

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

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
