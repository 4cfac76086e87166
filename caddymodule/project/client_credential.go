// SPDX-License-Identifier: Apache-2.0

package project

import (
	"strconv"
	"strings"

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
	CredentialMilliseconds = "milliseconds" // its expiry is no number of seconds
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
// project.
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
	sent := source.Token{Signature: signature, Expire: seconds}
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
// that the client has sent.
func (p *Project) ClientSent(family, state string) { p.metrics.clients[family][state].Inc() }
