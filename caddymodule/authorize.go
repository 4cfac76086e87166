// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// errNoAccessToken is for a source that yields credentials of the other scheme.
var errNoAccessToken = errors.New("the source yields no access token")

// headerProject returns the project whose credential leaves in the header, and
// which is then the only one, or nil.
func (s *Sign) headerProject() *Project {
	if only := s.Projects[0]; only.Scheme == schemeToken {
		return only
	}
	return nil
}

// authorize puts an access token into the header of r, in scheme `token`. The
// header is not the client's own, which placeholders, logs and error routes show.
// That the upload is for the token's project is known when the form has been
// read, and then checked: a form that names another does not arrive whole.
func (u *upload) authorize(r *http.Request) error {
	project := u.sign.headerProject()
	if project == nil {
		return nil
	}
	if err := u.chooseByParams(u.query); err != nil {
		return err
	}
	token, err := u.accessToken(project, r.URL.Path)
	switch {
	case err != nil && u.ctx.Err() != nil:
		return fmt.Errorf("%w: %w", errClientGone, err)
	case err != nil:
		u.chosen.Store(project) // though the form may name another
		return credentialError{err}
	}
	if check := u.sign.logger.Check(zap.DebugLevel, "authorizing upload"); check != nil {
		check.Write(zap.String("endpoint", u.endpoint.Path), zap.String("public_key", project.publicKey), zap.Int64("expire", token.Expire))
	}
	r.Header.Set("Authorization", "Bearer "+token.AccessToken)
	u.inHeader = true
	return nil
}

// accessToken returns an access token for a request to path: one of its own, or
// what the source has handed out.
func (u *upload) accessToken(project *Project, path string) (Token, error) {
	if project.accessTokens != nil {
		return u.grantMade(project, func(now time.Time) (Token, error) {
			if keys := project.keys; keys != nil && u.choosesKey(project) {
				return keys.mintAccessToken(u.signing.key, now, scopeOf(u.endpoint, path))
			}
			return project.accessTokens.AccessToken(now, scopeOf(u.endpoint, path))
		})
	}
	granted, err := u.grantFor(project)
	if err == nil && granted.AccessToken == "" { // of a fallback
		err = errNoAccessToken
	}
	return granted, err
}

// scopeOf returns the paths that an access token for one request is good for:
// the endpoint's, and the request's own if it is spelled otherwise. It is not
// known whether the service looks at the one or the other, nor whether it adds
// the slash at the end first.
func scopeOf(endpoint *uploadapi.SignedEndpoint, path string) []string {
	scope := []string{endpoint.Path}
	for _, spelling := range []string{path, strings.TrimSuffix(path, "/") + "/"} {
		plain := utf8.RuneCountInString(spelling) <= token.MaxScopeLength && !strings.Contains(spelling, "*")
		if plain && strings.HasPrefix(spelling, "/") && !slices.Contains(scope, spelling) {
			scope = append(scope, spelling)
		}
	}
	return scope
}

// freshLength returns by how many bytes the credential makes a form longer.
func (u *upload) freshLength(boundary string) int {
	if u.inHeader {
		return 0
	}
	return form.EncodedLength(boundary, u.endpoint.Signature, uploadapi.SignatureLength) +
		form.EncodedLength(boundary, u.endpoint.Expire, uploadapi.ExpireLength)
}
