// SPDX-License-Identifier: Apache-2.0

package project

import (
	"strconv"
	"strings"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// States of the credential that a client itself has sent: which clients still sign badly,
// or not at all.
const (
	CredentialNone         = "none"
	CredentialEmpty        = "empty"        // as the legacy widget sends it
	CredentialStale        = "stale"        // it has expired
	CredentialMD5          = "md5"          // by the scheme that the service has given up
	CredentialMilliseconds = "milliseconds" // its expiry is in milliseconds, and not in seconds
	CredentialInvalid      = "invalid"      // of another secret key, or not of this form
	CredentialValid        = "valid"
	CredentialUnverified   = "unverified" // only a resolver knows the secret key
)

// credentialStates are all states.
var credentialStates = []string{
	CredentialNone, CredentialEmpty, CredentialStale, CredentialMD5, CredentialMilliseconds,
	CredentialInvalid, CredentialValid, CredentialUnverified,
}

const (
	md5Length          = 32 // in hexadecimal
	millisecondsLength = 13 // in decimal, from 2001 to 2286
)

// StateOf returns the state of a credential that a client has sent with an upload to the
// project. The order of the checks matters: an MD5 signature is reported as that even if it has
// expired, since its client has to be changed and not its clock.
func (p *Project) StateOf(signature, expire string) string {
	signature, expire = strings.TrimSpace(signature), strings.TrimSpace(expire)
	seconds, err := strconv.ParseInt(expire, 10, 64)
	switch {
	case signature == "":
		return CredentialEmpty
	case len(signature) == md5Length:
		return CredentialMD5
	case err == nil && len(expire) == millisecondsLength:
		return CredentialMilliseconds
	case err != nil || len(signature) != uploadapi.SignatureLength:
		return CredentialInvalid
	}
	return p.stateOf(source.Token{Signature: signature, Expire: seconds})
}

// StateOfAccessToken returns the state of what a client has sent as a Bearer token: none if
// it is not an access token of the service's, but one of the site that the request came to.
func (p *Project) StateOfAccessToken(text string) string {
	sent, ok := token.PeekAccessToken(text)
	if !ok {
		return CredentialNone
	}
	return p.stateOf(sent)
}

// stateOf returns the state of a credential that has the form of one.
func (p *Project) stateOf(sent source.Token) string {
	switch {
	case sent.Expired(p.credentials.clock.Now().Wall, 0):
		return CredentialStale
	case p.keyring == nil:
		return CredentialUnverified
	case p.keyring.signer(sent) < 0:
		return CredentialInvalid
	}
	return CredentialValid
}

// ClientSent counts an upload by the family of its client and the state of the credential
// that the client has sent. Both are of closed lists.
func (p *Project) ClientSent(family, state string) { p.metrics.clients[family][state].Inc() }
