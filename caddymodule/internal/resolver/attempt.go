// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

const (
	// maxResponseSize bounds the body of a response, in bytes. One with a signature
	// has about a hundred; access tokens are longer.
	maxResponseSize = 16 << 10

	// maxRedirects is how many redirects are followed in one attempt: enough for a
	// slash and a path that has moved.
	maxRedirects = 3

	userAgent = "caddy-uploadcare"
)

var (
	errResponseTooLarge = fmt.Errorf("the response is larger than %d bytes", maxResponseSize)
	errTooManyRedirects = fmt.Errorf("it redirects more than %d times", maxRedirects)
	errLocation         = errors.New("it redirects to what is not an address")
)

// attempt makes one request, and follows redirects within the endpoint's origin.
// Elsewhere, the endpoint's headers would hand its secrets to another server.
func (e *Endpoint) attempt(ctx context.Context) (token.Token, error) {
	address := *e.URL
	for range maxRedirects + 1 {
		var connection connection
		response, err := e.Transport.RoundTrip(connection.watched(e.request(ctx, &address)))
		if err != nil {
			return token.Token{}, e.transportFailed(ctx, err, &connection)
		}
		location := response.Header.Get("Location")
		if !isRedirect(response.StatusCode) || location == "" {
			defer response.Body.Close()
			return e.read(ctx, response)
		}
		discard(response)
		target, err := address.Parse(location)
		if err != nil {
			return token.Token{}, errLocation
		}
		if origin(target) != origin(e.URL) {
			return token.Token{}, fmt.Errorf("it redirects to %s, which is elsewhere", origin(target))
		}
		address = *target
	}
	return token.Token{}, errTooManyRedirects
}

// request returns a request to an address of the endpoint's origin.
func (e *Endpoint) request(ctx context.Context, address *url.URL) *http.Request {
	target := *address
	target.User = nil
	request := (&http.Request{
		Method: http.MethodGet, URL: &target, Host: target.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Accept": {"application/json"}, "User-Agent": {userAgent}},
		// A connection is not reused: net/http logs what arrives on an idle one, such
		// as a body after a 204, with the credential in it. Requests are rare, so
		// connections would be idle for long.
		Close: true,
	}).WithContext(ctx)
	if user := e.URL.User; user != nil {
		password, _ := user.Password()
		request.SetBasicAuth(user.Username(), password)
	}
	// Last, so that a user's header replaces one of the above.
	for name, values := range e.Header {
		request.Header[http.CanonicalHeaderKey(name)] = values
	}
	if host := request.Header.Get("Host"); host != "" { // net/http takes Host from a field of its own, and ignores the header
		request.Host = host
		request.Header.Del("Host")
	}
	return request
}

// isRedirect reports whether a status is a redirect that keeps GET a GET. 300 and 304
// have a meaning of their own.
func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// read returns the credential in a response. By the status, it distinguishes a refusal, for
// which the token is dropped, from a failure that may pass, after which the previous
// token stays in use, and from one that stays until the endpoint is repaired.
func (e *Endpoint) read(ctx context.Context, response *http.Response) (token.Token, error) {
	switch status := response.StatusCode; {
	// The endpoint has understood the request, and does not want this caller to upload.
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusNoContent:
		discard(response)
		return token.Token{}, fmt.Errorf("%w: it responded with %s", token.ErrRefused, describeStatus(status))
	// These may be different at the next attempt.
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status >= 500 && status <= 599:
		discard(response)
		return token.Token{}, &transientError{error: fmt.Errorf("it responded with %s", describeStatus(status)), after: retryAfter(response.Header)}
	case status < 200 || status > 299:
		discard(response)
		return token.Token{}, fmt.Errorf("it responded with %s", describeStatus(status))
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxResponseSize+1))
	switch {
	case err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return token.Token{}, &transientError{error: fmt.Errorf("its response was not complete within %s", e.Timeout), timeout: true}
	case err != nil:
		return token.Token{}, &transientError{error: errors.New("its response broke off")}
	case len(body) > maxResponseSize:
		return token.Token{}, errResponseTooLarge
	}
	return Parse(body)
}

// describeStatus returns a status with the text of its RFC. The reason phrase that
// the endpoint sent could quote anything.
func describeStatus(status int) string {
	if text := http.StatusText(status); text != "" {
		return fmt.Sprintf("%d %s", status, text)
	}
	return strconv.Itoa(status)
}

// retryAfter returns the delay in a Retry-After header, or 0. A date (RFC 9110,
// section 10.2.3) is ignored: the endpoint's clock may differ from this one.
func retryAfter(header http.Header) time.Duration {
	seconds, err := strconv.ParseUint(header.Get("Retry-After"), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second //nolint:gosec // 31 bits
}

// discard closes a response whose body is not read. As its connection is not reused,
// there is no need to drain it.
func discard(response *http.Response) { _ = response.Body.Close() }
