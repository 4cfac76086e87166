// SPDX-License-Identifier: Apache-2.0

package uploadapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// segments resolves a path as RFC 3986, section 5.2.4 says, and takes several slashes for
// one.
func segments(path string) (kept []string) {
	for segment := range strings.SplitSeq(path, "/") {
		switch segment {
		case "", ".":
		case "..":
			kept = kept[:max(0, len(kept)-1)]
		default:
			kept = append(kept, segment)
		}
	}
	return kept
}

// FuzzEndpoint: whatever a server that resolves slashes and dots takes for a signed
// endpoint is one, and nothing else is; and its spelling is the documented one.
func FuzzEndpoint(f *testing.F) {
	for _, path := range []string{"/base/", "//base", "/x/../from_url/.", "/../base/./", "group", "/base/../info/", "/iframe/x/..", "/.../base/", ""} {
		f.Add("POST", path)
	}
	f.Add("get", "/group/")
	f.Fuzz(func(t *testing.T, method, path string) {
		want := "/" + strings.Join(append(segments(path), ""), "/")
		got := Endpoint(path)
		if got != want || Endpoint(got) != got {
			t.Fatalf("%q is the endpoint %q, want %q", path, got, want)
		}
		signed := Signed(method, path)
		expected := slices.IndexFunc(signedEndpoints, func(e SignedEndpoint) bool {
			isRead := strings.EqualFold(method, http.MethodGet) || strings.EqualFold(method, http.MethodHead)
			return e.Path == want && (strings.EqualFold(method, http.MethodPost) || isRead && (e.Path == FromURL || e.Path == Group))
		})
		if (signed != nil) != (expected >= 0) || signed != nil && signed != &signedEndpoints[expected] {
			t.Fatalf("%s %q: %v", method, path, signed)
		}
	})
}

// FuzzCodeOf: the codes of errors are those of the list, whatever an upstream sends; what
// becomes an error or a rejection when all of it is there can be one as far as it has come;
// and a code on the list that a client reads is found.
func FuzzCodeOf(f *testing.F) {
	const expired = `{"error":{"status_code":403,"content":"Expired signature.","error_code":"SignatureExpirationError"}}`
	f.Add(200, "application/json", []byte(expired))
	f.Add(403, "application/json; charset=utf-8", []byte(" { \"error\"\t: "+expired[9:]))
	f.Add(200, "text/javascript", []byte("cb("+expired+");"))
	f.Add(400, "text/plain", []byte("Length of file metadata key `a` can not be more than 64 symbols.\n"))
	f.Add(401, "text/plain; charset=utf-8", []byte("Invalid token. Reason: it is torn"))
	f.Add(200, "application/json", []byte(`{"file":"6c5e9526-b0fe-4739-8975-72e8d5ee6342"}`))
	all := Codes()
	f.Fuzz(func(t *testing.T, status int, contentType string, body []byte) {
		code, rejection := CodeOf(status, contentType, body), RejectionOf(status, contentType, body)
		if code != "" && !slices.Contains(all, code) {
			t.Fatalf("%q is not on the list", code)
		}
		if status >= http.StatusBadRequest && (code == "" || IsSuccess(status, contentType)) {
			t.Fatalf("%d is no error", status)
		}
		// By the status and the type alone, and by each beginning of the body.
		mayFail, mayReject := CanBeError(status, contentType, nil), CanBeRejection(status, contentType, nil) && len(body) <= MaxRejectionSize
		for end := range min(len(body), MaxErrorSize) + 1 {
			if mayFail && code != "" && !CanBeError(status, contentType, body[:end]) {
				t.Fatalf("%q is %s, and %q cannot be an error", body, code, body[:end])
			}
			if mayReject && rejection != 0 && !CanBeRejection(status, contentType, body[:end]) {
				t.Fatalf("%q is %s, and %q cannot be a rejection", body, rejection, body[:end])
			}
		}
		if mayReject && rejection != 0 && code == "" {
			t.Fatalf("%q is %s, and no error", body, rejection)
		}
		// In plain text, a rejection has a code by which it is found as JSON, too.
		written, _ := json.Marshal(envelope{envelopeError{status, "", code}})
		if code != "" && code != CodeOther && CodeOf(http.StatusOK, "application/json", written) != code {
			t.Fatalf("%s is not found in %s", code, written)
		}
	})
}
