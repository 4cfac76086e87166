// SPDX-License-Identifier: Apache-2.0

package uploadapi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const (
	plainType = "text/plain; charset=utf-8"
	jsonType  = "application/json"
)

// rejecting are the errors that are about the credential.
var rejecting = map[*Error]Rejection{
	ErrSignatureExpired:   Expired,
	ErrSignatureInvalid:   Invalid,
	ErrExpireInvalid:      Invalid,
	ErrAccessTokenExpired: Expired,
	{http.StatusUnauthorized, "AccessTokenInvalidError", "Invalid token. Reason: signature does not match"}: Invalid,
	ErrOperationsLimit: Exhausted,
	// Their names have changed before.
	{http.StatusUnauthorized, "JwtExpiredError", "Expired token."}:              Expired,
	{http.StatusUnauthorized, "TokenInvalidError", "Invalid token. Reason: %s"}: Invalid,
	// These are not about it.
	ErrSignatureRequired:             0,
	ErrExpireRequired:                0,
	ErrAccountLimits:                 0,
	ErrThrottled:                     0,
	ErrParserFailed:                  0,
	PublicKeyInvalid(FieldPublicKey): 0,
	{http.StatusUnauthorized, "AccessTokenInvalidError", "Invalid Authorization header format."}:           0,
	{http.StatusForbidden, "ScopeForbiddenError", "`uc.restrictions.scope` does not allow this endpoint."}: 0,
	{http.StatusBadRequest, "AnotherError", "Expired signature."}:                                          0,
}

// The messages are the same in both dialects, and mean the same.
func TestRejectionsAreKnownInBothDialects(t *testing.T) {
	for sent, want := range rejecting {
		for _, target := range []string{"/base/", "/base/?jsonerrors=1"} {
			t.Run(fmt.Sprintf("%s/%s%s", sent.Code, sent.Message, target), func(t *testing.T) {
				r, w := httptest.NewRequest(http.MethodPost, target, nil), httptest.NewRecorder()
				sent.Write(w, r)
				contentType, body := w.Header().Get("Content-Type"), w.Body.Bytes()
				if got := RejectionOf(w.Code, contentType, body); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
				if want == 0 {
					return
				}
				for length := range len(body) + 1 { // as it arrives
					if !CanBeRejection(w.Code, contentType, body[:length]) {
						t.Fatalf("%q is passed on", body[:length])
					}
				}
			})
		}
	}
}

func TestRejectionsByTheirWording(t *testing.T) {
	const envelope = `{"error":{"status_code":403,"content":"Invalid signature.","error_code":"SignatureInvalidError"}}`
	tests := map[string]struct {
		status            int
		contentType, body string
		want              Rejection
	}{
		"a line end after it":           {403, plainType, "Invalid signature.\n", Invalid},
		"white space in the envelope":   {200, jsonType, " {\n\t\"error\" : { \"error_code\": \"SignatureExpirationError\" } }\n", Expired},
		"an envelope and its status":    {403, "application/json; charset=utf-8", envelope, Invalid},
		"no name in the envelope":       {200, jsonType, `{"error":{"status_code":403,"content":"Expired signature."}}`, Expired},
		"more in the envelope":          {200, jsonType, `{"error":{"status_code":403,"content":"Expired signature.","x":[1]},"request_id":"a"}`, Expired},
		"another Content-Type":          {403, "text/html", "Invalid signature.", 0},
		"no Content-Type":               {403, "", "Invalid signature.", 0},
		"more text":                     {403, plainType, "Invalid signature. Or not.", 0},
		"another status":                {500, plainType, "Invalid signature.", 0},
		"a response that says it is":    {200, plainType, "Invalid signature.", 0},
		"an envelope in plain text":     {403, plainType, envelope, 0},
		"a field called error":          {200, jsonType, `{"error":"bba1e8bc-3c69-4b3d-a9f6-f2ea4ee4ab45"}`, 0},
		"a file of that name":           {200, jsonType, `{"original_filename":"Invalid signature.","error":{"error_code":"SignatureInvalidError"}}`, 0},
		"metadata that look like it":    {200, jsonType, `{"metadata":{"a":"{\"error\":{\"error_code\":\"SignatureInvalidError\"}}"}}`, 0},
		"nested":                        {200, jsonType, `{"result":` + envelope + `}`, 0},
		"half an envelope":              {200, jsonType, envelope[:len(envelope)-1], 0},
		"two envelopes":                 {200, jsonType, envelope + envelope, 0},
		"a list":                        {200, jsonType, `["error"]`, 0},
		"a longer name":                 {200, jsonType, `{"errors":{"error_code":"SignatureInvalidError"}}`, 0},
		"nothing":                       {200, jsonType, ``, 0},
		"the message of another status": {200, jsonType, `{"error":{"status_code":400,"content":"Expired signature."}}`, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := RejectionOf(test.status, test.contentType, []byte(test.body)); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// A response that can no longer be a rejection is not buffered.
func TestResponsesThatCannotBeRejections(t *testing.T) {
	large := strings.Repeat("x", MaxRejectionSize)
	tests := map[string]struct {
		status      int
		contentType string
		beginning   string
		want        bool
	}{
		"a refusal":                   {403, plainType, "", true},
		"a large refusal":             {403, plainType, large, true},
		"a refusal that is too large": {403, plainType, large + "x", false},
		"a refusal as a page":         {403, "text/html", "", false},
		"unauthorized":                {401, jsonType, "x", true},
		"too large":                   {413, plainType, "", false},
		"throttled":                   {429, plainType, "", false},
		"accepted, as text":           {200, plainType, "", false},
		"accepted, JSON":              {200, jsonType, "", true},
		"accepted, JSON, spaces":      {200, "APPLICATION/JSON;charset=utf-8", " \r\n\t{ ", true},
		"accepted, JSON, a file":      {200, jsonType, `{"f`, false},
		"accepted, JSON, errors":      {200, jsonType, `{"errors`, false},
		"accepted, JSON, error":       {200, jsonType, `{"error"`, true},
		"accepted, JSON, an envelope": {200, jsonType, `{"error": {`, true},
		"accepted, a field `error`":   {200, jsonType, `{"error":"`, false},
		"accepted, JSON, no value":    {200, jsonType, `{"error",`, false},
		"accepted, JSON, a list":      {200, jsonType, `[`, false},
		"accepted, as a page":         {200, "text/html", "", false},
		"a redirect":                  {302, plainType, "", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := CanBeRejection(test.status, test.contentType, []byte(test.beginning)); got != test.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
