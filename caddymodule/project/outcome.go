// SPDX-License-Identifier: Apache-2.0

package project

import (
	"slices"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// Outcome is what has become of an upload. Every upload whose head was read has exactly
// one (invariant 12).
type Outcome int

const (
	// Accepted means that the service has taken the upload. The reason is empty.
	Accepted Outcome = iota
	// Rejected means that the service has refused it. The reason is its error code, one
	// of [uploadapi.Codes].
	Rejected
	// Refused means that the gateway has refused it. The reason is the gateway's code.
	Refused
	// UpstreamError means that the service could not be reached, did not respond, broke
	// its response off, or responded with 500 or more. It may have stored the file.
	UpstreamError
	// ClientGone means that the client has left, or has ended its request before all of
	// it had come. The service may have stored the file if the client left after that.
	ClientGone
)

// Outcomes are all outcomes.
var Outcomes = []Outcome{Accepted, Rejected, Refused, UpstreamError, ClientGone}

// String returns the word for logs and metric labels.
func (o Outcome) String() string { return outcomeNames[o] }

var outcomeNames = [...]string{"accepted", "rejected", "refused", "upstream_error", "client_gone"}

// Reasons of [UpstreamError].
const (
	ReasonDial     = "dial"     // no connection to the upstream
	ReasonTLS      = "tls"      // the TLS handshake failed
	ReasonTimeout  = "timeout"  // no connection, handshake or response in time
	ReasonReset    = "reset"    // the connection or the response broke off
	ReasonStatus   = "5xx"      // the upstream's status is 500 or more
	ReasonProtocol = "protocol" // no response, none that HTTP knows, or an empty success
)

// Reasons of [ClientGone].
const (
	ReasonGone       = "gone"        // it has left
	ReasonEndedEarly = "ended_early" // its body ended early; it may still be there, and gets a 400
)

// ReasonOther is the reason of a refusal by another handler, or with a code that is not
// the gateway's.
const ReasonOther = uploadapi.CodeOther

// reasons returns all reasons that an outcome can have at an endpoint: metrics have a series for
// each from the start, and none for any other. refusals are the gateway's codes.
func (o Outcome) reasons(endpoint *uploadapi.SignedEndpoint, refusals []string) []string {
	switch o {
	case Rejected:
		return uploadapi.CodesAt(endpoint)
	case Refused:
		return append(slices.Clip(refusals), ReasonOther)
	case UpstreamError:
		return []string{ReasonDial, ReasonTLS, ReasonTimeout, ReasonReset, ReasonStatus, ReasonProtocol}
	case ClientGone:
		return []string{ReasonGone, ReasonEndedEarly}
	case Accepted:
	}
	return []string{""}
}
