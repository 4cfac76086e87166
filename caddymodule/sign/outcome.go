// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
)

// outcome is what has become of an upload, and why.
type outcome struct {
	project.Outcome
	reason string
}

// ending is how the handler has ended an upload. The zero value means that it was left by
// a panic: the proxy panics if the response breaks off.
type ending struct {
	refusal  *refusal // or nil
	returned bool
}

// outcome returns what has become of an upload: the only place that decides it.
func (e ending) outcome(r *http.Request, response *responseWriter) outcome {
	left := r.Context().Err() != nil
	if e.refusal != nil {
		what := e.refusal.outcome()
		// The client left, so the proxy broke off its request to the upstream, which looks
		// like an upstream's fault.
		if left && what.Outcome == project.UpstreamError {
			return outcome{project.ClientGone, project.ReasonGone}
		}
		return what
	}
	switch {
	// The status alone does not show it: a server in front of the service has it, too.
	case left && (response.status == statusClientClosedRequest || !e.returned || !response.begun):
		return outcome{project.ClientGone, project.ReasonGone}
	case !e.returned:
		return outcome{project.UpstreamError, project.ReasonReset}
	case response.hijacked:
		return outcome{project.UpstreamError, project.ReasonProtocol}
	case !response.begun: // the server or an error route responds to the error of another handler
		return outcome{project.Refused, project.ReasonOther}
	case response.status >= http.StatusInternalServerError:
		return outcome{project.UpstreamError, project.ReasonStatus}
	}
	switch code := response.errorCode(); {
	case code == uploadapi.ErrInternal.Code: // with jsonerrors the status is 200
		return outcome{project.UpstreamError, project.ReasonStatus}
	case code != "":
		return outcome{project.Rejected, code}
	case response.status >= http.StatusMultipleChoices: // a redirect has stored no file
		return outcome{project.Rejected, uploadapi.CodeOther}
	// The service names what it has taken. A site of Caddy's that no host matches, say,
	// responds with an empty 200, and every upload is lost.
	case !response.filled && uploadapi.Method(r.Method) != http.MethodHead:
		return outcome{project.UpstreamError, project.ReasonProtocol}
	}
	return outcome{project.Accepted, ""}
}

// outcome returns what has become of an upload that was refused.
func (r *refusal) outcome() outcome {
	switch {
	case r.response == nil:
		return outcome{project.ClientGone, project.ReasonGone}
	case r.response == errIncomplete:
		return outcome{project.ClientGone, project.ReasonEndedEarly}
	case r.response.Code == errUpstream.Code:
		return outcome{project.UpstreamError, r.upstreamReason()}
	}
	return outcome{project.Refused, r.response.Code}
}

// upstreamReason returns why the upstream could not be reached, or did not respond.
func (r *refusal) upstreamReason() string {
	var dial reverseproxy.DialError // it has no Unwrap, so errors.As finds no cause in it
	var operation *net.OpError
	var lookup *net.DNSError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(r.cause, errNoResponse), errors.Is(r.cause, errInvalidResponse):
		return project.ReasonProtocol
	case errors.As(r.cause, &dial), errors.As(r.cause, &lookup), errors.As(r.cause, &operation) && operation.Op == "dial":
		return project.ReasonDial
	case isTLSError(r.cause):
		return project.ReasonTLS
	case r.response.Status == http.StatusGatewayTimeout, errors.Is(r.cause, os.ErrDeadlineExceeded), errors.As(r.cause, &timeout) && timeout.Timeout():
		return project.ReasonTimeout
	case r.response.Status == http.StatusServiceUnavailable: // reverse_proxy has no upstream that is healthy
		return project.ReasonDial
	}
	return project.ReasonReset
}

// isTLSError reports whether an error is of a handshake: the certificate, or a server that
// speaks something else.
func isTLSError(err error) bool {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var unknown x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &certificate) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.As(err, &unknown) || errors.As(err, &hostname) || errors.As(err, &invalid)
}

// conclude counts the upload, once, however the handler has ended it.
func (u *upload) conclude(r *http.Request, response *responseWriter) {
	flying := u.inFlight.Swap(nil)
	if flying == nil { // it was refused, and counted before the client got to know
		return
	}
	flying.InFlight.Dec()
	last := u.last
	what := u.ending.outcome(r, response)
	if u.published || u.record.Load() != nil { // otherwise nothing shows a record
		ended := u.settle(what, firstOf(response.Header()[requestIDHeader]))
		u.describe(ended)
		what = ended.outcome
	}
	uploads := u.sign.unknown
	if chosen := u.project(what); chosen != nil {
		uploads = chosen.Uploads()
		for range last.number {
			chosen.Retried(what.Outcome)
		}
	}
	uploads[u.endpoint].Ended(what.Outcome, what.reason, time.Since(u.began), u.client.receivedBytes())
}

// project returns the project of an upload with an outcome, or nil if it is not known. If there
// was no connection the form was not read, and did not name it; but if there is one
// project alone, it was that one.
func (u *upload) project(what outcome) *project.Project {
	if chosen := u.last.chosen.Load(); chosen != nil || what.Outcome != project.UpstreamError {
		return chosen
	}
	return u.sign.projects.Only()
}

func firstOf(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// refuse refuses the upload. Its outcome is known before error routes respond, and counted
// before the client reads the refusal: what is left of the body may take a while.
func (u *upload) refuse(response *responseWriter, r *http.Request, refusal *refusal) error {
	u.ending.refusal, refusal.requestID = refusal, uuid.NewString()
	what := u.ending.outcome(r, response)
	refusal.record = u.settle(what, refusal.requestID)
	if what.Outcome == project.UpstreamError {
		project.NoteUpstreamFailure(strings.TrimPrefix(upstreamPlaceholder(r, "address"), "tcp/"), what.reason, refusal.cause)
	}
	u.conclude(r, response)
	return u.sign.refuse(response.ResponseWriter, r, response.incoming, refusal)
}

// fly counts the upload as under way, under no project as long as none is known.
func (u *upload) fly() {
	metrics := u.sign.unknown[u.endpoint]
	u.inFlight.Store(metrics)
	metrics.InFlight.Inc()
}

// flyAs counts the upload as under way to its project, unless it has ended: the proxy may read
// the form while the handler ends, and the upload would be under way for ever.
func (u *upload) flyAs(chosen *project.Project) {
	unknown, own := u.sign.unknown[u.endpoint], chosen.Uploads()[u.endpoint]
	if u.inFlight.CompareAndSwap(unknown, own) {
		unknown.InFlight.Dec()
		own.InFlight.Inc()
	}
}

// responded counts the upstream's response to an attempt.
func (a *attempt) responded(status int) {
	if status == 0 || status == statusClientClosedRequest && a.ctx.Err() != nil {
		return
	}
	uploads := a.sign.unknown
	if chosen := a.chosen.Load(); chosen != nil {
		uploads = chosen.Uploads()
	}
	uploads[a.endpoint].Responded(status)
}
