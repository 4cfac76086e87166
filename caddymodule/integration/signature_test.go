// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// hashed is "open sesame", by `caddy hash-password --bcrypt-cost 4`: a higher cost takes most of a minute with the race detector.
const hashed = `$2a$04$Rs8ppy84xG2OHeOLNTaG/e1ZaOZPmFKe0KamOxzIfQCbw30QwPzX6`

// Clients that can sign have their signature from the gateway, once they have
// said who they are; the Upload API takes it.
func TestSignatureBehindAuthentication(t *testing.T) {
	d := newDemo(t)
	site := freeAddress(t)
	startCaddy(t, d.caddyfile("", "")+`http://`+site+` {
	bind 127.0.0.1
	basic_auth {
		editor `+hashed+`
	}
	uploadcare_signature /api/uploadcare-signature {
		project demopublickey
		secret_key demosecretkey
		cors https://www.example.com
	}
}
`)
	ask := func(password, origin string) *http.Response {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+site+"/api/uploadcare-signature", nil)
		if err != nil {
			t.Fatal(err)
		}
		if password != "" {
			request.SetBasicAuth("editor", password)
		}
		if origin != "" {
			request.Header.Set("Origin", origin)
		}
		return do(t, http.DefaultClient, request)
	}
	for _, test := range []struct {
		password, origin string
		status           int
	}{
		{"", "", 401},
		{"wrong", "", 401},
		{"open sesame", "https://www.example.org", 403},
		{"open sesame", "https://www.example.com", 200},
		{"open sesame", "", 200},
	} {
		response := ask(test.password, test.origin)
		body := readAll(t, response)
		if response.StatusCode != test.status || strings.Contains(body, "secureSignature") != (test.status == 200) {
			t.Errorf("%q from %q: response %d %s", test.password, test.origin, response.StatusCode, body)
		}
	}
	response := ask("open sesame", "")
	if got := response.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control: %s", got)
	}
	var pair struct{ SecureSignature, SecureExpire string }
	if err := json.Unmarshal([]byte(readAll(t, response)), &pair); err != nil {
		t.Fatal(err)
	}
	form := formOf(key, file("file", photo), field("signature", pair.SecureSignature), field("expire", pair.SecureExpire))
	checkStored(t, d, do(t, http.DefaultClient, newUpload(t, "http://"+d.sandbox+"/base/", strings.NewReader(form))), "file", photo)
}
