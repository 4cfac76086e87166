// SPDX-License-Identifier: Apache-2.0

package uploadapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestCodeOfAResponse(t *testing.T) {
	const plain, script = "text/plain; charset=utf-8", "application/javascript"
	envelope := func(status int, code, message string) string {
		return fmt.Sprintf(`{"error":{"status_code":%d,"content":%q,"error_code":%q}}`, status, message, code)
	}
	for name, test := range map[string]struct {
		status            int
		contentType, body string
		want              string
	}{
		"a success":                       {200, "application/json", `{"file":"6c5e9526-b0fe-4739-8975-72e8d5ee6342"}`, ""},
		"a file that is called error":     {200, "application/json", `{"error":"6c5e9526-b0fe-4739-8975-72e8d5ee6342"}`, ""},
		"JSON":                            {200, "application/json", envelope(403, "SignatureInvalidError", "Invalid signature."), "SignatureInvalidError"},
		"JSON with the real status":       {429, "application/json", envelope(429, "RequestThrottledError", "Request was throttled."), "RequestThrottledError"},
		"JSON with a code of another":     {200, "application/json", envelope(400, "SomethingNewError", "New."), CodeOther},
		"JSON without a code":             {200, "application/json", envelope(413, "", "The size of the request is too large."), "RequestSizeLimitExceededError"},
		"JSON that is broken off":         {200, "application/json", `{"error":{"status_code":400,"con`, CodeOther},
		"a success as JSONP":              {200, script, `callback({"id":"6c5e9526-b0fe-4739-8975-72e8d5ee6342~1"})`, ""},
		"JSONP":                           {200, script, `callback(` + envelope(400, "GroupFilesInvalidError", "No files[N] parameters found.") + `);`, "GroupFilesInvalidError"},
		"JSONP, as another type":          {200, "text/javascript; charset=utf-8", `/**/ cb (` + envelope(403, "SignatureExpirationError", "Expired signature.") + `)`, "SignatureExpirationError"},
		"JSONP that is no call":           {200, script, `callback`, ""},
		"JSONP of nothing":                {200, script, `callback( );`, ""},
		"plain text":                      {403, plain, "Expired signature.", "SignatureExpirationError"},
		"plain text with a name":          {400, plain, "source is required.", "RequestParamRequiredError"},
		"the same of the public key":      {403, plain, "pub_key is required.", "ProjectPublicKeyRequiredError"},
		"a narrower message":              {400, plain, "source_url is required.", "SourceURLRequiredError"},
		"plain text with two names":       {400, plain, "Length of file metadata key `user` can not be more than 64 symbols.", "FileMetadataKeyLengthTooBigError"},
		"plain text with a line end":      {400, plain, "File is too large.\n", "FileSizeLimitExceededError"},
		"a message that nobody knows":     {400, plain, "Something new.", CodeOther},
		"the right message, other status": {500, plain, "Expired signature.", CodeOther},
		"an access token":                 {401, plain, "Invalid token. Reason: it is torn", "AccessTokenInvalidError"},
		"a page of a proxy in front":      {502, "text/html", "<h1>Bad Gateway</h1>", CodeOther},
		"no type":                         {500, "", "", CodeOther},
		"a method":                        {405, plain, "HTTP method PUT is not allowed for /base/", "MethodNotAllowedError"},
	} {
		if got := CodeOf(test.status, test.contentType, []byte(test.body)); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
		for end := range test.body { // whatever has come of it
			if test.want != "" && !CanBeError(test.status, test.contentType, []byte(test.body[:end])) {
				t.Errorf("%s: %q cannot be an error", name, test.body[:end])
			}
		}
	}
}

// The list has every error that this package knows by name.
func TestCodesHaveTheErrorsOfThisPackage(t *testing.T) {
	all := Codes()
	for _, known := range []*Error{
		ErrSignatureRequired, ErrExpireRequired, ErrExpireInvalid, ErrSignatureExpired, ErrSignatureInvalid, ErrAccountLimits,
		ErrRequestSizeLimit, ErrParserFailed, ErrTooManyFields, ErrTooManyFiles, ErrNullCharacters, ErrFilesRequired, ErrThrottled, ErrInternal,
		PublicKeyRequired("pub_key"), PublicKeyInvalid("pub_key"), MethodNotAllowed(http.MethodPut, Base), ErrMultipartTooLarge, ParamRequired("size"),
		ErrScopeForbidden, ErrTwoCredentials, AccessTokenInvalid("torn"), MetadataValueTooLong("k"), ErrURLHostPrivate, GroupFileInvalid("x"), ErrIframeFileIDInvalid,
	} {
		if !slices.Contains(all, known.Code) {
			t.Errorf("%s is not on the list", known.Code)
		}
		if got := CodeOf(known.Status, "text/plain", []byte(known.Message)); got != known.Code {
			t.Errorf("%q is found to be %s, not %s", known.Message, got, known.Code)
		}
	}
	if len(slices.Compact(all)) != len(all) || strings.Contains(strings.Join(all, ""), "%") {
		t.Errorf("%q", all)
	}
}
