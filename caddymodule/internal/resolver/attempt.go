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
	// maxAnswerSize is the length of the longest answer; one is some hundred
	// bytes long, or as long as an access token.
	maxAnswerSize = 16 << 10

	// maxRedirects is how often an endpoint may send on.
	maxRedirects = 3

	userAgent = "caddy-uploadcare"
)

var (
	errAnswerTooLarge   = fmt.Errorf("the answer is larger than %d bytes", maxAnswerSize)
	errTooManyRedirects = fmt.Errorf("it redirects more than %d times", maxRedirects)
	errLocation         = errors.New("it redirects to what is not an address")
)

// attempt asks once.
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

// request returns one for an address of the endpoint.
func (e *Endpoint) request(ctx context.Context, address *url.URL) *http.Request {
	target := *address
	target.User = nil
	request := (&http.Request{
		Method: http.MethodGet, URL: &target, Host: target.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Accept": {"application/json"}, "User-Agent": {userAgent}},
		// net/http logs what comes on an idle connection, such as the body of an
		// answer that must have none, with the credential in it.
		Close: true,
	}).WithContext(ctx)
	if user := e.URL.User; user != nil {
		password, _ := user.Password()
		request.SetBasicAuth(user.Username(), password)
	}
	for name, values := range e.Header {
		request.Header[http.CanonicalHeaderKey(name)] = values
	}
	if host := request.Header.Get("Host"); host != "" { // which net/http has in a place of its own
		request.Host = host
		request.Header.Del("Host")
	}
	return request
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// read returns the credential that an answer holds.
func (e *Endpoint) read(ctx context.Context, response *http.Response) (token.Token, error) {
	switch status := response.StatusCode; {
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusNoContent:
		discard(response)
		return token.Token{}, fmt.Errorf("%w: it answers %s", token.ErrRefused, describeStatus(status))
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status >= 500 && status <= 599:
		discard(response)
		return token.Token{}, &passingError{error: fmt.Errorf("it answers %s", describeStatus(status)), after: retryAfter(response.Header)}
	case status < 200 || status > 299:
		discard(response)
		return token.Token{}, fmt.Errorf("it answers %s", describeStatus(status))
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerSize+1))
	switch {
	case err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return token.Token{}, &passingError{error: fmt.Errorf("its answer was not complete within %s", e.Timeout), timeout: true}
	case err != nil:
		return token.Token{}, &passingError{error: errors.New("its answer broke off")}
	case len(answer) > maxAnswerSize:
		return token.Token{}, errAnswerTooLarge
	}
	return Parse(answer)
}

// describeStatus does not show what the endpoint says of its status.
func describeStatus(status int) string {
	if text := http.StatusText(status); text != "" {
		return fmt.Sprintf("%d %s", status, text)
	}
	return strconv.Itoa(status)
}

// retryAfter returns how long an endpoint wants to be left alone. A point in
// time, which it may be too, says nothing here.
func retryAfter(header http.Header) time.Duration {
	seconds, err := strconv.ParseUint(header.Get("Retry-After"), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second //nolint:gosec // 31 bits
}

// discard lets go of an answer that is not used.
func discard(response *http.Response) { _ = response.Body.Close() }
