// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// policyOptions are those of the tests below; the caller's name comes from basic_auth.
const policyOptions = `
			callers checked
			max_file_size 100KiB
			types image/* .pdf
			max_files 2
			from_url off
			metadata user {http.request.header.X-User}
			store 1
`

const pixel = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"

// named returns a part with a file of a name and a type.
func named(filename, mediaType, content string) string {
	return "Content-Disposition: form-data; name=\"file\"; filename=\"" + filename + "\"\r\nContent-Type: " + mediaType + "\r\n\r\n" + content
}

// Invariant 11 over real connections, of each protocol, with and without a length: what is
// allowed is stored with the operator's fields, and what is forbidden is not.
func TestInvariant11OverTheWire(t *testing.T) {
	d := newDemo(t)
	d.start(t, policyOptions, "")
	h2, h3 := client(t, "HTTP/2.0"), client(t, "HTTP/3.0")
	large := pixel + strings.Repeat("x", 100<<10)
	for name, test := range map[string]struct{ form, want string }{
		"an image":         {formOf(key, named("a.png", "image/png", pixel)), ""},
		"a larger one":     {formOf(key, named("a.png", "image/png", large)), "FileSizeLimitExceededError"},
		"a script":         {formOf(named("a.png", "image/png", "#!/bin/sh\nrm -rf /\n"), key), "FileTypeForbiddenError"},
		"three images":     {formOf(key, named("a.png", "image/png", pixel), named("b.png", "image/png", pixel), named("c.png", "image/png", pixel)), "RequestFileNumberLimitExceededError"},
		"forged, and sent": {formOf(field("metadata[user]", "mallory"), field("UPLOADCARE_STORE", "0"), key, named("a.png", "image/png", pixel)), ""},
	} {
		for protocol, client := range map[string]struct {
			*http.Client
			url string
		}{"HTTP/1.1": {http.DefaultClient, "http://" + d.plain}, "HTTP/2": {h2, "https://" + d.secure}, "HTTP/3": {h3, "https://" + d.secure}} {
			for _, chunked := range []bool{false, true} {
				t.Run(name+"/"+protocol+map[bool]string{true: ", without a length"}[chunked], func(t *testing.T) {
					var body io.Reader = strings.NewReader(test.form)
					if chunked {
						body = struct{ io.Reader }{body}
					}
					request := newUpload(t, client.url+"/base/?jsonerrors=1", body)
					request.Header.Set("X-User", "anna")
					response := do(t, client.Client, request)
					text := readAll(t, response)
					if test.want != "" {
						if !strings.Contains(text, test.want) {
							t.Fatalf("status %d %s, want %s", response.StatusCode, text, test.want)
						}
						return
					}
					var files map[string]string
					if err := json.Unmarshal([]byte(text), &files); err != nil || files["file"] == "" {
						t.Fatalf("status %d %s", response.StatusCode, text)
					}
					info, err := http.Get("http://" + d.sandbox + "/info/?pub_key=demopublickey&file_id=" + files["file"])
					if err != nil {
						t.Fatal(err)
					}
					if text := readAll(t, info); !strings.Contains(text, `"user":"anna"`) || !strings.Contains(text, `"is_stored":true`) || strings.Contains(text, "mallory") {
						t.Errorf("what is stored: %s", text)
					}
				})
			}
		}
	}
}

// A signature that is handed out would go round the policy of the same project.
func TestASignatureThatGoesRoundAPolicyIsALoadError(t *testing.T) {
	const uploads = ":8080 {\n uploadcare {\n project demopublickey {\n secret_key demosecretkey\n max_files 2\n }\n }\n}\n"
	signature := func(option string) string {
		return ":8081 {\n uploadcare_signature {\n project demopublickey\n secret_key demosecretkey\n " + option + "\n }\n}\n"
	}
	for name, test := range map[string]struct{ caddyfile, want string }{
		"in another site, behind": {uploads + signature(""), "bypasses_policy"},
		"in another site, before": {signature("") + uploads, "bypasses_policy"},
		"said aloud":              {uploads + signature("bypasses_policy"), ""},
		"of another project":      {uploads + strings.ReplaceAll(signature(""), "demopublickey", "another"), ""},
		"without rules":           {strings.Replace(uploads, "max_files 2", "", 1) + signature(""), ""},
	} {
		t.Run(name, func(t *testing.T) {
			adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(test.caddyfile), nil)
			if err != nil {
				t.Fatal(err)
			}
			config := new(caddy.Config)
			if err := json.Unmarshal(adapted, config); err != nil {
				t.Fatal(err)
			}
			err = caddy.Validate(config)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}
