// SPDX-License-Identifier: Apache-2.0

// Package uploadapi holds the facts of Uploadcare's Upload API that the gateway
// and the sandbox share: endpoints, field names, limits, errors and the two
// dialects in which errors are written.
//
// Source: https://uploadcare.com/api-refs/upload-api/
package uploadapi

import (
	"net/http"
	"path"
	"slices"
	"strings"
)

// Endpoints of the Upload API, in the form in which it documents them.
const (
	Base              = "/base/"
	MultipartStart    = "/multipart/start/"
	MultipartComplete = "/multipart/complete/"
	FromURL           = "/from_url/"
	FromURLStatus     = "/from_url/status/"
	Info              = "/info/"
	Group             = "/group/"
	GroupInfo         = "/group/info/"
	// Iframe is the legacy widget's way for browsers without XMLHttpRequest 2;
	// it is not documented.
	Iframe = "/iframe/"
)

// DefaultUpstream is the address of the Upload API.
const DefaultUpstream = "https://upload.uploadcare.com"

// SignedEndpoint is an endpoint whose requests need a credential when their
// project has Secure Uploading on.
type SignedEndpoint struct {
	Path    string
	Methods []string

	// PublicKey, Signature and Expire are the names by which the endpoint
	// takes these fields.
	PublicKey, Signature, Expire string

	// Store is the name by which the endpoint takes whether to keep the file. It is empty
	// where no file is uploaded, and there is no metadata then either.
	Store string

	// Params says that the endpoint takes its fields also from a urlencoded
	// body and from the query string, and not only from a multipart form.
	Params bool
}

var signedEndpoints = []SignedEndpoint{
	{Base, []string{http.MethodPost}, FieldPublicKey, FieldSignature, FieldExpire, FieldStore, false},
	{MultipartStart, []string{http.MethodPost}, FieldPublicKey, FieldSignature, FieldExpire, FieldStore, true},
	{FromURL, []string{http.MethodPost, http.MethodGet}, ParamPublicKey, FieldSignature, FieldExpire, ParamStore, true},
	{Group, []string{http.MethodPost, http.MethodGet}, ParamPublicKey, FieldSignature, FieldExpire, "", true},
	{Iframe, []string{http.MethodPost}, FieldPublicKey, FieldIframeSignature, FieldIframeExpire, FieldStore, false},
}

// Method returns the method of a request to a signed endpoint in capitals. Methods
// are case-sensitive (RFC 9110, section 9.1), but servers differ in that, and some
// clients write `post`: taken literally, such an upload would leave unsigned.
func Method(method string) string { return strings.ToUpper(method) }

// Signed returns the signed endpoint that a request is for, or nil. HEAD counts as
// GET (RFC 9110, section 9.3.2): a server does the same for both, but for the body.
func Signed(method, urlPath string) *SignedEndpoint {
	endpoint := Endpoint(urlPath)
	if method = Method(method); method == http.MethodHead {
		method = http.MethodGet
	}
	for i := range signedEndpoints {
		if signed := &signedEndpoints[i]; signed.Path == endpoint && slices.Contains(signed.Methods, method) {
			return signed
		}
	}
	return nil
}

// SignedEndpoints returns all signed endpoints. They must not be changed.
func SignedEndpoints() []*SignedEndpoint {
	all := make([]*SignedEndpoint, len(signedEndpoints))
	for i := range signedEndpoints {
		all[i] = &signedEndpoints[i]
	}
	return all
}

// Endpoint returns path as the documentation would write it: one slash at
// either end, single slashes between, no dot segments. The service takes
// "/base", "/base/" and "//base//" for the same endpoint, and servers in front
// of it resolve dots, so a rule that distinguished them would let unsigned
// uploads through.
func Endpoint(urlPath string) string {
	clean := strings.HasPrefix(urlPath, "/") && strings.HasSuffix(urlPath, "/")
	if clean && !strings.Contains(urlPath, "//") && !strings.Contains(urlPath, "/.") {
		return urlPath // nearly every request: no allocation
	}
	if cleaned := path.Clean("/" + urlPath); cleaned != "/" {
		return cleaned + "/"
	}
	return "/"
}
