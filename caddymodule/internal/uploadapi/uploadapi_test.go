// SPDX-License-Identifier: Apache-2.0

package uploadapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestEndpoint(t *testing.T) {
	for path, want := range map[string]string{
		"/base/": "/base/", "/base": "/base/", "//base//": "/base/", "base": "/base/", "/./base/": "/base/",
		"/x/../base": "/base/", "/base/x": "/base/x/", "/": "/", "": "/", "//": "/", "/..": "/", "/Base/": "/Base/",
	} {
		if got := Endpoint(path); got != want {
			t.Errorf("%q: got %q, want %q", path, got, want)
		}
	}
}

func TestSigned(t *testing.T) {
	for target, want := range map[[2]string]string{
		{"POST", "/base/"}: Base, {"POST", "//base"}: Base, {"POST", "/base/."}: Base,
		{"POST", "/multipart/start"}: MultipartStart, {"POST", "/multipart//start/"}: MultipartStart,
		{"POST", "/from_url"}: FromURL, {"GET", "/from_url/"}: FromURL, {"POST", "/group//"}: Group, {"POST", "/iframe/"}: Iframe,
		{"GET", "/base/"}: "", {"OPTIONS", "/base/"}: "", {"POST", "/based/"}: "", {"POST", "/info/"}: "", {"POST", "/"}: "",
		{"POST", "/multipart/complete/"}: "", {"GET", "/from_url/status/"}: "", {"GET", "/group/info/"}: "", {"HEAD", "/from_url/"}: FromURL,
		{"GET", "/group/"}: Group, {"HEAD", "/group/"}: Group, {"POST", "/Base/"}: "",
		{"post", "/base/"}: Base, {"Post", "/iframe"}: Iframe, {"get", "/group/"}: Group, {"head", "/from_url/"}: FromURL,
		{"HEAD", "/base/"}: "", {"head", "/multipart/start/"}: "", {"PUT", "/base/"}: "", {"TRACE", "/from_url/"}: "", {"DELETE", "/group/"}: "", {"options", "/base/"}: "",
	} {
		got := ""
		if endpoint := Signed(target[0], target[1]); endpoint != nil {
			got = endpoint.Path
		}
		if got != want {
			t.Errorf("%v: got %q, want %q", target, got, want)
		}
	}
}

func TestErrorsAreInTheClientsDialect(t *testing.T) {
	const plain = "text/plain; charset=utf-8"
	const envelope = `{"error":{"status_code":403,"content":"Invalid signature.","error_code":"SignatureInvalidError"}}`
	for query, want := range map[string]struct {
		status            int
		contentType, body string
	}{
		"":                  {403, plain, "Invalid signature."},
		"?jsonerrors=":      {403, plain, "Invalid signature."},
		"?jsonerrors=0":     {403, plain, "Invalid signature."},
		"?jsonerrors=1":     {200, "application/json", envelope},
		"?a=b&jsonerrors=x": {200, "application/json", envelope},
	} {
		t.Run(query, func(t *testing.T) {
			w := httptest.NewRecorder()
			w.Header().Set("Content-Length", "9999") // of a response that is not given
			ErrSignatureInvalid.Write(w, httptest.NewRequest(http.MethodPost, "/base/"+query, nil))
			result := w.Result()
			if result.StatusCode != want.status || result.Header.Get("Content-Type") != want.contentType || w.Body.String() != want.body {
				t.Errorf("got %d %s %s", result.StatusCode, result.Header.Get("Content-Type"), w.Body)
			}
			if result.ContentLength != int64(len(want.body)) || result.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("header %v", result.Header)
			}
		})
	}
}

func TestErrorsThatNameThings(t *testing.T) {
	for got, want := range map[*Error]string{
		PublicKeyRequired(FieldPublicKey): "UPLOADCARE_PUB_KEY is required.",
		PublicKeyInvalid(ParamPublicKey):  "pub_key is invalid.",
		MethodNotAllowed("PUT", "/base/"): "HTTP method PUT is not allowed for /base/",
	} {
		if got.Error() != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestSetCORS(t *testing.T) {
	header := make(http.Header)
	SetCORS(header, "POST, OPTIONS")
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "POST, OPTIONS",
		"Access-Control-Allow-Headers": "X-UC-User-Agent, X-PINGOTHER, DNT", "Access-Control-Expose-Headers": "Warning, Retry-After",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

// A field under another name than the endpoint's would be ignored by the service.
func TestEachEndpointHasTheServicesNameForStore(t *testing.T) {
	names := map[string]string{
		Base: "UPLOADCARE_STORE", Iframe: "UPLOADCARE_STORE", MultipartStart: "UPLOADCARE_STORE",
		FromURL: "store", Group: "",
	}
	for _, endpoint := range SignedEndpoints() {
		if name, known := names[endpoint.Path]; !known || endpoint.Store != name {
			t.Errorf("%s: %q", endpoint.Path, endpoint.Store)
		}
	}
}

func TestMetadataKeysConsistOfTheServicesCharacters(t *testing.T) {
	for r := range rune(0x180) {
		expected := strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:", r)
		if AllowedInMetadataKey(r) != expected {
			t.Errorf("%q", r)
		}
	}
	if name := MetadataField("user"); name != "metadata[user]" {
		t.Errorf("the field is %s", name)
	}
}
