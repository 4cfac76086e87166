// SPDX-License-Identifier: Apache-2.0

package redact

import (
	"io"
	"net/http"
)

// Request keeps the credential out of what logs show of a request, which is about to
// be sent. What is sent does not change: a client makes its request line of the URL.
func (c *Credential) Request(r *http.Request) {
	if redacted := c.Text(r.RequestURI); redacted != r.RequestURI {
		r.RequestURI = redacted
	}
}

// Response keeps the credential out of what came of the request that left with it.
// Its results are those that it is given.
func (c *Credential) Response(response *http.Response, err error) (*http.Response, error) {
	if err != nil || c == nil {
		return response, c.Error(err)
	}
	c.Header(response.Header)
	response.Status = c.Text(response.Status)
	canHaveTrailer := response.ContentLength < 0 || response.ProtoMajor > 1 // which an error may quote
	if canHaveTrailer && response.StatusCode != http.StatusSwitchingProtocols {
		response.Body = &body{response.Body, c}
	}
	return response, nil
}

// body is one whose errors do not quote a credential.
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
