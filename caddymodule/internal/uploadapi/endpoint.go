// SPDX-License-Identifier: Apache-2.0

// Package uploadapi holds the facts of Uploadcare's Upload API that the gateway
// and the sandbox share: endpoints, field names, limits, errors and the two
// dialects in which errors are told.
//
// Source: https://uploadcare.com/api-refs/upload-api/
package uploadapi

import (
	"net/http"
	"strings"
)

// Endpoints of the Upload API, in the form in which it documents them.
const (
	Base = "/base/"
	Info = "/info/"
)

// DefaultUpstream is where the Upload API lives.
const DefaultUpstream = "https://upload.uploadcare.com"

// Endpoint returns path as the documentation would write it: one slash at
// either end, single slashes between. The service takes "/base", "/base/" and
// "//base//" for the same endpoint, so a rule that told them apart would let
// unsigned uploads through.
func Endpoint(path string) string {
	if isClean(path) {
		return path
	}
	var b strings.Builder
	b.Grow(len(path) + 2)
	b.WriteByte('/')
	for segment := range strings.SplitSeq(path, "/") {
		if segment != "" {
			b.WriteString(segment)
			b.WriteByte('/')
		}
	}
	return b.String()
}

func isClean(path string) bool {
	return strings.HasPrefix(path, "/") && strings.HasSuffix(path, "/") && !strings.Contains(path, "//")
}

// Signed reports whether a request needs a credential when its project has
// Secure Uploading on.
func Signed(method, path string) bool {
	return method == http.MethodPost && Endpoint(path) == Base
}
