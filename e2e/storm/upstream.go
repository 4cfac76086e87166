// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/e2e/loopback"
)

const (
	// upstreamName is what gateways look up.
	upstreamName = "upload.test"
	// upstreamHeader is in responses of the upstream's own, and in none of a gateway's.
	upstreamHeader = "X-Upstream"

	firstKey, secondKey = "demosecretkey", "another"
	// clockOff is how far the upstream's clock is ahead when it is off: further than a
	// signature of minted lives.
	clockOff = 10 * time.Minute
)

// upstream is an Upload API that keeps a record of each upload. It has an address without TLS,
// and one with it, whose clock is the one that can be off: without TLS, gateways do not trust it.
type upstream struct {
	stores
	plain, secure string // ports
	tls           *tls.Config

	trouble   atomic.Pointer[trouble]
	clockOff  atomic.Bool
	secondKey atomic.Bool // it takes rotated's second key, not the first
	diedAt    atomic.Int64

	servers []*http.Server
	serving sync.WaitGroup
}

func newUpstream(config *tls.Config) (*upstream, error) {
	plain, err := loopback.FreePort()
	if err != nil {
		return nil, err
	}
	secure, err := loopback.FreePort()
	return &upstream{plain: plain, secure: secure, tls: config}, err
}

// start listens at both addresses.
func (u *upstream) start() error {
	for _, port := range []string{u.plain, u.secure} {
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
		if err != nil {
			return err
		}
		overTLS := port == u.secure
		if overTLS {
			listener = tls.NewListener(listener, u.tls)
		}
		server := &http.Server{
			Handler:  http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { u.serve(w, r, overTLS) }),
			ErrorLog: silentLog, // of clients that break off
		}
		u.servers = append(u.servers, server)
		u.serving.Go(func() { _ = server.Serve(listener) })
	}
	return nil
}

// die closes all connections at once, and listens no more.
func (u *upstream) die() {
	u.diedAt.Store(time.Now().UnixNano())
	for _, server := range u.servers {
		_ = server.Close()
	}
	u.servers = nil
	u.serving.Wait()
}

// hush closes the connections that nothing uses, as nothing does now.
func (u *upstream) hush() {
	for _, server := range u.servers {
		server.SetKeepAlivesEnabled(false)
		server.SetKeepAlivesEnabled(true)
	}
}

// serve takes an upload.
func (u *upstream) serve(w http.ResponseWriter, r *http.Request, overTLS bool) {
	header := w.Header()
	header[upstreamHeader] = []string{"storm"}
	now := time.Now()
	if overTLS && u.clockOff.Load() {
		now = now.Add(clockOff)
	}
	header.Set("Date", now.UTC().Format(http.TimeFormat))
	if rand.IntN(20) == 0 { //nolint:gosec // not a secret
		header.Set("Connection", "close") // so that the name is looked up again
	}
	e := &exchange{u: u, w: w, r: r, now: now}
	if met := u.trouble.Load(); met != nil && rand.IntN(met.oneIn) == 0 { //nolint:gosec // not a secret
		e.trouble = met
	}
	e.take()
}

// exchange is one request, and its response.
type exchange struct {
	u *upstream
	w http.ResponseWriter
	r *http.Request
	arrival
	now     time.Time
	trouble *trouble // that it meets, or nil
}

// take takes an upload, or meets its trouble: at once, when it has come, or when it is stored.
func (e *exchange) take() {
	if e.meets(atOnce) {
		return
	}
	var err error
	if e.arrival, err = receive(e.r); err != nil {
		if errors.Is(err, errNoID) {
			e.u.noteStrange(fmt.Sprintf("%s %s: %v", e.r.Method, e.r.URL.Path, err))
		}
		return // it has not come whole, and is not stored
	}
	signed := e.isSigned()
	if !signed {
		e.u.at(e.id, func(k *kept) { k.unsigned = true })
	}
	if e.meets(unstored) {
		return
	}
	if !signed {
		e.refuse(http.StatusBadRequest, "`signature` is required.")
		return
	}
	rejection := e.rejection()
	e.u.note(rejection != "")
	if rejection != "" {
		e.refuse(http.StatusForbidden, rejection)
		return
	}
	receipt := e.u.keep(&e.arrival)
	if e.meets(stored) {
		return
	}
	e.w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(e.w, `{"file":"%s"}`, receiptID(receipt))
}

// meets reports whether the request's trouble comes now, and has responded or not let it.
func (e *exchange) meets(when stage) bool {
	return e.trouble != nil && e.trouble.when == when && e.trouble.meet(e)
}

// isSigned reports whether the request has one credential, and none of the client's.
func (e *exchange) isSigned() bool {
	if len(e.signatures) != 1 || len(e.expires) != 1 {
		return false
	}
	switch e.signatures[0] {
	case "", staleSignature, md5Signature:
		return false
	}
	return e.expires[0] != staleExpire
}

// rejection is why the service does not take the credential, or empty.
func (e *exchange) rejection() string {
	expire, err := strconv.ParseInt(e.expires[0], 10, 64)
	switch {
	case err != nil, e.signatures[0] != signatureOf(e.key(), e.expires[0]):
		return "Invalid signature."
	case expire <= e.now.Unix():
		return "Expired signature."
	}
	return ""
}

// key is the secret key of the request's project.
func (e *exchange) key() string {
	if e.project == rotated && e.u.secondKey.Load() {
		return secondKey
	}
	return firstKey
}

func signatureOf(key, expire string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(expire))
	return hex.EncodeToString(mac.Sum(nil))
}

// refuse responds with an error, in the client's dialect.
func (e *exchange) refuse(status int, message string) {
	if e.r.URL.Query().Get("jsonerrors") == "1" {
		e.w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(e.w, `{"error":{"status_code":%d,"content":%q,"error_code":%q}}`, status, message, errorCodes[message])
		return
	}
	e.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	e.w.WriteHeader(status)
	fmt.Fprint(e.w, message)
}

// errorCodes are the service's, by its messages.
var errorCodes = map[string]string{
	"Invalid signature.":                    "SignatureInvalidError",
	"Expired signature.":                    "SignatureExpirationError",
	"`signature` is required.":              "SignatureRequiredError",
	"Internal error.":                       "UploadAPIError",
	"Request was throttled.":                "RequestThrottledError",
	"The size of the request is too large.": "RequestSizeLimitExceededError",
}

// receiptID is the UUID of a file, which shows its receipt.
func receiptID(receipt int32) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", receipt) }
