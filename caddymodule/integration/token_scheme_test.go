// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// jwtHead is what every access token begins with: its header in base64.
const jwtHead = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."

// tokenCaddyfile is the demo in scheme `token`, with access logs, and with error
// routes that show what they can see of a request's credential.
func tokenCaddyfile(d demo, options string) string {
	const shows = "handle_errors {\n\t\trespond `{http.uploadcare.error_code} [{http.request.header.Authorization}]` {err.status_code}\n\t}"
	return strings.ReplaceAll(d.caddyfile("scheme token\n\t\t\t"+options, ""), "\tuploadcare {", "\tlog\n\t"+shows+"\n\tuploadcare {")
}

// checkNoToken checks that no token is in anything that Caddy shows.
func checkNoToken(t *testing.T, c *caddyProcess) {
	t.Helper()
	for where, shown := range map[string]string{"output": c.output.String(), "config": c.get("/config/"), "metrics": c.get("/metrics")} {
		for _, secret := range []string{jwtHead[:len(jwtHead)-1], "eyJ"} {
			if i := strings.Index(shown, secret); i >= 0 {
				t.Errorf("a token is in the %s: %.300s", where, shown[max(0, i-100):])
			}
		}
	}
	if !strings.Contains(c.output.String(), "authorizing upload") || !strings.Contains(c.output.String(), "handled request") {
		t.Error("the output has no debug or no access log")
	}
}

// Every way in which clients send their uploads, over every version of HTTP,
// against a server that takes nothing but one token and no other credential.
func TestUploadsAreAcceptedInSchemeToken(t *testing.T) {
	d := newDemo(t)
	c := startCaddy(t, tokenCaddyfile(d, "lifetime 5m"))
	d.awaitCertificate(t)
	forms := map[string]string{
		"no stale field":  formOf(key, file("file", photo)),
		"before the file": formOf(key, field("signature", "old"), field("expire", "1"), file("file", photo)),
		"after the file":  formOf(file("file", photo), field("signature", "old"), field("expire", "1"), key),
		"empty":           formOf(key, field("signature", ""), field("expire", ""), file("file", photo)),
		"in odd case":     formOf(key, part("content-disposition: form-data; NAME=\"Signature\"", "old"), file("file", photo)),
	}
	framings := map[string]func(form string) io.Reader{
		"with a length": func(form string) io.Reader { return strings.NewReader(form) },
		"chunked":       func(form string) io.Reader { return struct{ io.Reader }{strings.NewReader(form)} },
	}
	for _, version := range []string{"HTTP/1.1", "HTTP/2.0", "HTTP/3.0"} {
		for framing, reader := range framings {
			for name, form := range forms {
				t.Run(version+"/"+framing+"/"+name, func(t *testing.T) {
					request := newUpload(t, "https://"+d.secure+"/base/?signature=old&expire=", reader(form))
					request.Header.Set("Authorization", "Bearer of the site")
					checkStored(t, d, do(t, client(t, version), request), "file", photo)
				})
			}
		}
	}
	for _, path := range []string{"/base", "//base", "/base//", "/./base/"} {
		t.Run(path, func(t *testing.T) {
			request := newUpload(t, "http://"+d.plain, strings.NewReader(formOf(key, file("file", photo))))
			request.URL.Opaque = "//" + d.plain + path
			checkStored(t, d, do(t, http.DefaultClient, request), "file", photo)
		})
	}
	checkNoToken(t, c)
}

// The other signed endpoints, with fields in the body and in the query.
func TestOtherEndpointsInSchemeToken(t *testing.T) {
	d := newDemo(t)
	c := startCaddy(t, tokenCaddyfile(d, ""))
	d.awaitCertificate(t)
	post := func(path string, values url.Values) (int, string) {
		response, err := http.PostForm("http://"+d.plain+path, values)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, readAll(t, response)
	}
	stale := func(values ...string) url.Values {
		all := url.Values{"signature": {"", "old"}, "expire": {"1"}}
		for i := 0; i < len(values); i += 2 {
			all.Set(values[i], values[i+1])
		}
		return all
	}
	uploaded := readAll(t, do(t, http.DefaultClient, newUpload(t, "http://"+d.plain+"/base/", strings.NewReader(formOf(key, file("file", photo))))))
	var ids map[string]string
	if err := json.Unmarshal([]byte(uploaded), &ids); err != nil {
		t.Fatal(uploaded)
	}
	if status, body := post("/group/", stale("pub_key", "demopublickey", "files[0]", ids["file"])); status != 200 || !strings.Contains(body, `"files_count":1`) {
		t.Errorf("group: %d %s", status, body)
	}
	start := stale("UPLOADCARE_PUB_KEY", "demopublickey", "filename", "a", "size", "10485760", "content_type", "image/jpeg")
	if status, body := post("/multipart/start/?expire=2", start); status != 200 || !strings.Contains(body, `"parts":[`) {
		t.Errorf("multipart start: %d %s", status, body)
	}
	fetch := url.Values{"pub_key": {"demopublickey"}, "source_url": {"http://" + d.sandbox + "/" + ids["file"] + "/"}, "signature": {""}, "expire": {"old"}}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		request, err := http.NewRequestWithContext(t.Context(), method, "http://"+d.plain+"/from_url?"+fetch.Encode(), nil)
		if err != nil {
			t.Fatal(err)
		}
		response := do(t, http.DefaultClient, request)
		if body := readAll(t, response); response.StatusCode != 200 || !strings.Contains(body, `"type":"token"`) {
			t.Errorf("%s from_url: %d %s", method, response.StatusCode, body)
		}
	}
	iframe := formOf(key, field("UPLOADCARE_FILE_ID", "7a1f9e0c-5b9d-4c1e-9d55-2a2f4f3f8b11"), field("UPLOADCARE_SIGNATURE", "old"), file("file", photo))
	response := do(t, http.DefaultClient, newUpload(t, "http://"+d.plain+"/iframe/", strings.NewReader(iframe)))
	if body := readAll(t, response); response.StatusCode != 200 {
		t.Errorf("iframe: %d %s", response.StatusCode, body)
	}
	checkNoToken(t, c)
}

// What is on the wire: one Authorization, the gateway's, a body of the same length, and
// nothing of it in what error routes see when the form turns out to be for
// another project.
func TestTheTokenIsOnTheWireAndNowhereElse(t *testing.T) {
	type arrival struct {
		header http.Header
		length int64
		body   string
		err    error
	}
	arrivals := make(chan arrival, 1)
	upstream := startUpstream(t, func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		arrivals <- arrival{r.Header, r.ContentLength, string(body), err}
	})
	d := newDemo(t)
	d.sandbox = strings.TrimPrefix(upstream.URL, "http://")
	site := strings.SplitAfter(tokenCaddyfile(d, ""), "\t}\n}\n")
	c := startCaddy(t, site[0]+site[1])
	d.awaitCertificate(t)
	for len(arrivals) > 0 { // of waiting for the certificate
		<-arrivals
	}

	sent := formOf(field("signature", "old"), file("file", photo), key)
	request := newUpload(t, "http://"+d.plain+"/base/", strings.NewReader(sent))
	request.Header["Authorization"] = []string{"Bearer of the site", "Basic abc"}
	_ = readAll(t, do(t, http.DefaultClient, request))
	got := receive(t, "the upload arrives", arrivals)
	if values := got.header.Values("Authorization"); len(values) != 1 || !strings.HasPrefix(values[0], "Bearer "+jwtHead) {
		t.Errorf("%d Authorizations", len(values))
	}
	if want := formOf(field("xxxxxxxxx", "xxx"), file("file", photo), key); got.length != int64(len(sent)) || got.body != want {
		t.Errorf("length %d, body %q", got.length, got.body)
	}

	for query, want := range map[string]string{
		"":              "403 ProjectPublicKeyInvalidError []",
		"?jsonerrors=1": "403 ProjectPublicKeyInvalidError []",
	} {
		form := formOf(file("file", photo), field("UPLOADCARE_PUB_KEY", "other"))
		response := do(t, http.DefaultClient, newUpload(t, "http://"+d.plain+"/base/"+query, strings.NewReader(form)))
		if body := fmt.Sprint(response.StatusCode, " ", readAll(t, response)); body != want {
			t.Errorf("response %s, want %s", body, want)
		}
		if got := receive(t, "the upload ends at the upstream", arrivals); got.err == nil || strings.HasSuffix(got.body, "--\r\n") {
			t.Errorf("the form arrived whole")
		}
	}
	checkNoToken(t, c)
}

// Invariants 2 and 7: a client that says of a header that it is for the gateway
// alone does not make the proxy take out what the gateway puts in by that name.
func TestInvariant7TheTokenIsNotForThisHopAlone(t *testing.T) {
	d := newDemo(t)
	c := startCaddy(t, tokenCaddyfile(d, ""))
	d.awaitCertificate(t)
	for _, connection := range []string{"Authorization", "keep-alive, authorization", "Upgrade, authorization"} {
		request := newUpload(t, "http://"+d.plain+"/base/", strings.NewReader(formOf(key, file("file", photo))))
		request.Header.Set("Connection", connection)
		checkStored(t, d, do(t, http.DefaultClient, request), "file", photo)
	}
	checkNoToken(t, c)
}

// Uploads of one second have operations of their own, and what the service
// says of one that needs more reaches the client.
func TestEachUploadHasOperationsOfItsOwn(t *testing.T) {
	d := newDemo(t)
	c := startCaddy(t, tokenCaddyfile(d, "operations 1"))
	d.awaitCertificate(t)
	for range 5 {
		checkStored(t, d, do(t, http.DefaultClient, newUpload(t, "http://"+d.plain+"/base/", strings.NewReader(formOf(key, file("file", photo))))), "file", photo)
	}
	form := formOf(key, file("one", photo), file("two", photo))
	response := do(t, http.DefaultClient, newUpload(t, "http://"+d.plain+"/base/?jsonerrors=1", strings.NewReader(form)))
	if body := readAll(t, response); response.StatusCode != 200 || !strings.Contains(body, `"error_code":"OperationsLimitExceededError"`) {
		t.Errorf("response %d %s", response.StatusCode, body)
	}
	checkNoToken(t, c)
}
