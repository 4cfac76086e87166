// SPDX-License-Identifier: Apache-2.0

package redact

import (
	"io"
	"net/http"
)

// Request redacts what logs show of a request that is about to be sent. What is sent
// does not change: net/http's client ignores RequestURI and uses the URL.
func (c *Credential) Request(r *http.Request) {
	if redacted := c.Text(r.RequestURI); redacted != r.RequestURI {
		r.RequestURI = redacted
	}
}

// Response redacts the results of a round trip, and returns them. Errors that the
// body returns later are redacted, too: one of a malformed trailer quotes it.
func (c *Credential) Response(response *http.Response, err error) (*http.Response, error) {
	if err != nil || c == nil {
		return response, c.Error(err)
	}
	c.Header(response.Header)
	response.Status = c.Text(response.Status)
	// Only a body with a trailer needs the wrapper. After 101 the body is the
	// connection, which the proxy recognises by being an io.Writer.
	canHaveTrailer := response.ContentLength < 0 || response.ProtoMajor > 1
	if canHaveTrailer && response.StatusCode != http.StatusSwitchingProtocols {
		response.Body = &body{response.Body, c}
	}
	return response, nil
}

// body is a response's body whose errors are redacted.
type body struct {
	io.ReadCloser
	credential *Credential
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == nil || err == io.EOF { //nolint:errorlint // readers return io.EOF itself
		return n, err
	}
	return n, b.credential.Error(err)
}
