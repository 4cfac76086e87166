// SPDX-License-Identifier: Apache-2.0

// Package uploadapi holds the facts of Uploadcare's Upload API that the gateway
// and the sandbox share: endpoints, field names, limits, errors and the two
// dialects in which errors are told.
//
// Source: https://uploadcare.com/api-refs/upload-api/
package uploadapi

import (
	"net/http"
	"path"
)

// Endpoints of the Upload API, in the form in which it documents them.
const (
	Base = "/base/"
	Info = "/info/"
)

// DefaultUpstream is where the Upload API lives.
const DefaultUpstream = "https://upload.uploadcare.com"

// Endpoint returns path as the documentation would write it: one slash at
// either end, single slashes between, no dot segments. The service takes
// "/base", "/base/" and "//base//" for the same endpoint, and servers in front
// of it resolve dots, so a rule that told them apart would let unsigned
// uploads through.
func Endpoint(urlPath string) string {
	if cleaned := path.Clean("/" + urlPath); cleaned != "/" {
		return cleaned + "/"
	}
	return "/"
}

// Signed reports whether a request needs a credential when its project has
// Secure Uploading on.
func Signed(method, urlPath string) bool {
	return method == http.MethodPost && Endpoint(urlPath) == Base
}
