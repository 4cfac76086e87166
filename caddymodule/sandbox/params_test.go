// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

func bodyRequest(target, contentType, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	return r
}

func TestBodiesOfParameters(t *testing.T) {
	const urlencoded = "application/x-www-form-urlencoded"
	whole := signedParams("UPLOADCARE_PUB_KEY", "filename", "x", "size", "10485760", "content_type", "")
	many := func(n int) string {
		values := url.Values{}
		for i := len(whole); i < n; i++ {
			values.Set(fmt.Sprint("field", i), "x")
		}
		return whole.Encode() + "&" + values.Encode()
	}
	nulls := refusal(400, "NullCharactersForbiddenError", "Null characters are not allowed.")
	twice := refusal(400, "SandboxDuplicateCredentialError", "`signature` was sent more than once.")
	tooMany := refusal(400, "RequestFiledsNumberLimitExceededError", "The request contains too many HTTP POST fields.")
	for _, tc := range []struct {
		name, query, contentType, body string
		want                           *uploadapi.Error
	}{
		{"a form", "", urlencoded, whole.Encode(), nil},
		{"a form with a charset", "", urlencoded + "; charset=UTF-8", whole.Encode(), nil},
		{"parameters of the type that make no sense", "", urlencoded + "; utf-8; charset=; =x", whole.Encode(), nil},
		{"a charset of its own", "", urlencoded + ";charset=windows-31j", whole.Encode(), nil},
		{"a type in capitals", "", strings.ToUpper(urlencoded), whole.Encode(), nil},
		{"10,000 fields", "", urlencoded, many(maxFields), nil},
		{"10,001 fields", "", urlencoded, many(maxFields + 1), tooMany},
		{"another type", "", "text/plain", whole.Encode(), errParserFailed},
		{"no type", "", "", whole.Encode(), errParserFailed},
		{"no type and no body", whole.Encode(), "", "", nil},
		{"multipart without a boundary", whole.Encode(), "multipart/form-data", "", errParserFailed},
		{"multipart without a form", whole.Encode(), "multipart/form-data; boundary=x", "", errParserFailed},
		{"what is no escape", "", urlencoded, whole.Encode() + "&a=%zz&%&b=100%", nil},
		{"a semicolon", "", urlencoded, whole.Encode() + "&a=b;c=d", nil},
		{"a credential behind a semicolon", "", urlencoded, whole.Encode() + "&a=b;signature=x", twice},
		{"a credential before a semicolon", "", urlencoded, whole.Encode() + "&signature=x;a=b", twice},
		{"a credential behind semicolons in the query", "a=b;;%73ignature=x", urlencoded, whole.Encode(), twice},
		{
			"a credential in another case behind a semicolon", "a=b;Signature=x", urlencoded, whole.Encode(),
			refusal(400, "SandboxStaleCredentialError", "`Signature` has no place on /multipart/start/."),
		},
		{"10,000 parameters in the query", strings.Repeat("a&", maxFields-1), urlencoded, whole.Encode(), nil},
		{"10,001 parameters in the query", strings.Repeat("a&", maxFields) + "a", urlencoded, whole.Encode(), tooMany},
		{"a name without end", "", urlencoded, whole.Encode() + "&" + strings.Repeat("n", maxNameLength+1), errParserFailed},
		{"a value without end", "", urlencoded, whole.Encode() + "&a=" + strings.Repeat("x", maxFieldLength+1), errParserFailed},
		{"NUL in a value", "", urlencoded, whole.Encode() + "&a=%00", nulls},
		{"NUL in a name", "", urlencoded, whole.Encode() + "&%00", nulls},
		{"NUL in the query", "a=%00", urlencoded, whole.Encode(), nulls},
		{"a body without end", "", urlencoded, strings.Repeat("x", paramsLimit+1), errRequestTooLargeResponse},
		{"a credential in body and query", "signature=", urlencoded, whole.Encode(), twice},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			for _, length := range []int64{int64(len(tc.body)), -1} {
				r := bodyRequest("/multipart/start/?"+tc.query, tc.contentType, tc.body)
				r.ContentLength = length
				response := f.do(t, r)
				if tc.want == nil {
					decode[multipartResponse](t, response)
				} else {
					wantRefusal(t, response, tc.want)
				}
			}
		})
	}
	t.Run("two types", func(t *testing.T) {
		r := bodyRequest("/group/", urlencoded, whole.Encode())
		r.Header.Add("Content-Type", "application/json")
		wantRefusal(t, newFixture(t).do(t, r), errParserFailed)
	})
	t.Run("a body that breaks off", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodPost, "/group/", iotest.TimeoutReader(strings.NewReader(whole.Encode())))
		if err := newFixture(t).ServeHTTP(httptest.NewRecorder(), r, nil); !isClientGone(err) {
			t.Errorf("ServeHTTP returned %v, want a 499", err)
		}
	})
}

func TestValuesThatAreNotEscaped(t *testing.T) {
	for text, want := range map[string]url.Values{
		"":                                {},
		"&&":                              {},
		"a":                               {"a": {""}},
		"a=1&a=2&b=":                      {"a": {"1", "2"}, "b": {""}},
		"a+b=c%20d%2B":                    {"a b": {"c d+"}},
		"u=http://a/?b=c;d=100%&e=f":      {"u": {"http://a/?b=c;d=100%"}, "e": {"f"}},
		"a=%":                             {"a": {"%"}},
		"a=%4":                            {"a": {"%4"}},
		"a=%4g%41%%41":                    {"a": {"%4gA%A"}},
		"a=\xff%ff":                       {"a": {"\xff\xff"}},
		"a;signature=1;expire=2;x=3":      {"a;signature": {"1;expire=2;x=3"}, "signature": {"1"}, "expire": {"2"}},
		"uploadcare_signature;=1;EXPIRE;": {"uploadcare_signature;": {"1;EXPIRE;"}, "EXPIRE": {""}},
	} {
		got, refusal := parseQuery(text)
		if refusal != nil || !maps.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%q: got %v, %v, want %v", text, got, refusal, want)
		}
	}
}

// A part that is a file is no field, whatever it is called.
func TestAFileAmongParametersIsNoField(t *testing.T) {
	f := newFixture(t)
	parts := append(signed(), field("filename", "x"), field("size", "10485760"), field("content_type", "a/b"), file("signature", "signature", "x"))
	decode[multipartResponse](t, f.do(t, uploadRequest("/multipart/start/", formOf(parts...))))
	if names := filesBelow(t, f.root); len(names) != 2 {
		t.Errorf("the root holds %q, want the one upload that was started", names)
	}
}

func TestRulesOfMetadata(t *testing.T) {
	var many []string
	for i := range 50 {
		many = append(many, field(fmt.Sprintf("metadata[k%d]", i), "x"))
	}
	for _, tc := range []struct {
		name  string
		parts []string
		want  *uploadapi.Error
	}{
		{"all that is allowed", []string{field("metadata[aZ09_-.:]", strings.Repeat("ж", 512)), field("metadata["+strings.Repeat("k", 64)+"]", "x")}, nil},
		{"50 keys", many, nil},
		{"51 keys", append(many, field("metadata[more]", "x")), refusal(400, "FileMetadataKeysNumberTooBigError", "A file can not have more than 50 metadata keys.")},
		{"no key", []string{field("metadata[]", "x")}, refusal(400, "FileMetadataKeyEmptyError", "File's metadata key can not be empty.")},
		{"a key twice", []string{field("metadata[a]", "x"), field("metadata[a]", "x")}, refusal(400, "FileMetadataKeyDuplicatedError", "File's metadata key `a` has a duplicate.")},
		{"a key with a blank", []string{field("metadata[a b]", "x")}, refusal(400, "FileMetadataKeyForbiddenError", "File's metadata key `a b` contains symbols not allowed by the metadata key format.")},
		{"a long key", []string{field("metadata["+strings.Repeat("k", 65)+"]", "x")}, refusal(400, "FileMetadataKeyLengthTooBigError",
			"Length of file metadata key `"+strings.Repeat("k", 65)+"` can not be more than 64 symbols.")},
		{"no value", []string{field("metadata[a]", "")}, refusal(400, "FileMetadataValueEmptyError", "Value of the file metadata key `a` can not be empty.")},
		{"a long value", []string{field("metadata[a]", strings.Repeat("x", 513))}, refusal(400, "FileMetadataValueLengthTooBigError",
			"Value of file metadata's key `a` can not be more than 512 symbols in length.")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			response := f.upload(t, append(append(signed(), aFile), tc.parts...)...)
			if tc.want == nil {
				uuidsOf(t, response)
				return
			}
			wantRefusal(t, response, tc.want)
			f.wantNothingKept(t)
		})
	}
}

func TestThrottling(t *testing.T) {
	throttled := refusal(429, "RequestThrottledError", "Request was throttled.")
	f := newFixture(t, func(h *Handler) { h.ThrottleEvery = 3 })
	for range 2 {
		f.accepted(t, aFile)
		f.get(t, "/info/")
		f.upload(t, publicKey, aFile) // is not signed and does not count
		f.post(t, "/multipart/start/", startParams(multipartMinimum))
		response := f.post(t, "/multipart/start/", startParams(multipartMinimum))
		wantRefusal(t, response, throttled)
		if got := response.Header().Get("Retry-After"); got != "1" {
			t.Errorf("Retry-After = %q", got)
		}
	}
	f = newFixture(t, func(h *Handler) { h.ThrottleEvery = 1 })
	for _, target := range []string{"/base/?jsonerrors=1", "/iframe/?jsonerrors=1"} {
		parts := append(signed(), aFile)
		if strings.HasPrefix(target, "/iframe") {
			parts = append(iframeFields(unknownID), aFile)
		}
		response := f.do(t, uploadRequest(target, formOf(parts...)))
		wantEnvelope(t, response, throttled)
		if got := response.Header().Get("Retry-After"); got != "1" {
			t.Errorf("Retry-After = %q", got)
		}
	}
	f.wantNothingKept(t)
}
