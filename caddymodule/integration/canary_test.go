// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// canaries are marked secrets and credentials. None may be seen anywhere but
// where it belongs.
type canaries struct {
	mu    sync.Mutex
	texts map[string]string // by what they are

	expire    int64
	signature string // that the resolver hands out
	jwt       string // so too
	static    string // the signature of the fallback
}

const (
	canaryOfKey    = "canary-of-the-secret-key"
	canaryOfFile   = "canary-of-the-key-in-a-file"
	canaryOfHeader = "canary-of-the-resolvers-header"
	canaryOfURL    = "canary-of-the-resolvers-address"
	canaryOfCaller = "canary-of-a-caller"
	canaryOfClient = "canary-of-a-clients-own-signature"
)

func newCanaries(t *testing.T) *canaries {
	t.Helper()
	c := &canaries{expire: time.Now().Add(time.Hour).Unix()}
	c.signature = token.Sign("of the resolver", strconv.FormatInt(c.expire, 10))
	c.static = token.Sign("of the fallback", strconv.FormatInt(c.expire, 10))
	var err error
	c.jwt, err = jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"exp": c.expire, "sub": "canary"}).SignedString([]byte("of the resolver"))
	if err != nil {
		t.Fatal(err)
	}
	c.texts = map[string]string{
		"secret key": canaryOfKey, "secret key in a file": canaryOfFile,
		"resolver's header": canaryOfHeader, "resolver's address": canaryOfURL,
		"resolver's user": base64.StdEncoding.EncodeToString([]byte("user:" + canaryOfURL)),
		"caller's header": canaryOfCaller, "client's signature": canaryOfClient,
		"resolved signature": c.signature, "resolved signature in upper case": strings.ToUpper(c.signature),
		"resolved token": c.jwt, "resolved token's claims": strings.Split(c.jwt, ".")[1], "resolved token's signature": strings.Split(c.jwt, ".")[2],
		"static signature": c.static,
	}
	return c
}

// add marks a credential that was seen where it belongs.
func (c *canaries) add(what, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, known := range c.texts {
		if known == text {
			return
		}
	}
	c.texts[what+" "+strconv.Itoa(len(c.texts))] = text
}

// wantNone checks that no canary is in what is shown somewhere. Some may be
// excused.
func (c *canaries) wantNone(t *testing.T, where, shown string, but ...string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, what := range slices.Sorted(maps.Keys(c.texts)) {
		if i := strings.Index(shown, c.texts[what]); i >= 0 && !slices.Contains(but, what) {
			t.Errorf("%s: the %s is shown: …%s", where, what, shown[max(0, i-300):min(len(shown), i+len(c.texts[what])+50)])
		}
	}
}

// Invariant 8: no secret, signature or JWT in any log, error, metric, trace, or
// admin response, whatever goes wrong.
func TestInvariant8CanariesAreSeenNowhere(t *testing.T) {
	canaries := newCanaries(t)
	upstream := startUpstream(t, canaries.upload).URL
	resolver := startUpstream(t, canaries.resolve).URL
	secretFile := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secretFile, []byte(canaryOfFile+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	gateway := freeAddress(t)
	_, port, _ := strings.Cut(gateway, ":")
	var caddyfile strings.Builder
	sites := canaries.sites(upstream, "http://"+freeAddress(t), secretFile)
	for i, site := range sites {
		fmt.Fprintf(&caddyfile, "http://site%d.localhost:%s {\n\tbind 127.0.0.1\n\tlog\n\tuploadcare {\n\t\tproject demopublickey {\n\t\t\t%s\t\t}\n\t\tupstream %s\n\t\tverbose_logs\n\t}\n}\n",
			i, port, site.project, site.upstream)
	}
	c := startCaddy(t, caddyfile.String(), canaries.environment(resolver)...)
	uploads := []string{"", "?jsonerrors=1"}
	for _, rejection := range []string{"SignatureInvalidError Invalid signature.", "SignatureExpirationError Expired signature."} {
		uploads = append(uploads, "?then="+url.QueryEscape(rejection), "?jsonerrors=1&then="+url.QueryEscape(rejection))
	}
	var responses strings.Builder
	for i, site := range sites {
		host := fmt.Sprintf("site%d.localhost:%s", i, port)
		for _, query := range append(uploads, "?then=drop") {
			status, body := canaries.send(t, http.MethodPost, host, "http://"+gateway+"/base/"+query, true)
			responses.WriteString(body)
			if query == "" && status != site.status {
				t.Errorf("%s: response %d %s, want %d", site.name, status, body, site.status)
			}
		}
		for _, query := range []string{"", "&jsonerrors=1&then=drop"} {
			_, body := canaries.send(t, http.MethodGet, host, "http://"+gateway+"/from_url/?pub_key=demopublickey&source_url=x"+query, false)
			responses.WriteString(body)
		}
		_, body := canaries.send(t, http.MethodPost, host, "http://"+gateway+"/group/?pub_key=another", false)
		responses.WriteString(body)
	}
	canaries.wantNone(t, "responses", responses.String())
	for _, admin := range []string{
		"/config/", "/metrics", "/reverse_proxy/upstreams", "/debug/vars", "/debug/pprof/cmdline", "/debug/pprof/goroutine?debug=2", "/uploadcare/status",
	} {
		canaries.wantNone(t, admin, c.get(admin))
	}

	for _, command := range []string{"status --address " + c.admin, "status --json --address " + c.admin, "check --config " + c.path(), "check --live --json --config " + c.path()} {
		output, _ := c.run(t.Context(), canaries.environment(resolver), append([]string{"uploadcare"}, strings.Fields(command)...)...).CombinedOutput()
		if !strings.Contains(string(output), "demopublickey") {
			t.Errorf("%s: %s", command, output)
		}
		canaries.wantNone(t, "caddy uploadcare "+command, string(output))
	}

	// Bad configs, of which the old one knows nothing.
	canaries.wantNone(t, "load errors", canaries.loadErrors(c, resolver, secretFile))

	c.terminate()
	exits(t, c)
	output := c.output.String()
	for _, line := range []string{"no credential from the source", "credential refused by the source", "credential obtained", "upload refused", "using the fallback", "does not take", "upstream roundtrip", "handled request"} {
		if !strings.Contains(output, line) {
			t.Errorf("the output lacks %q", line)
		}
	}
	canaries.wantNone(t, "output", output)
	for name, content := range stored(t, c.directory) {
		// A signature that a fleet shares is in its storage, for a while.
		canaries.wantNone(t, name, content, "resolved signature")
	}
	for _, kind := range []string{"signature at the upstream", "token at the upstream"} {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(canaries.texts)), func(what string) bool { return strings.HasPrefix(what, kind) }) {
			t.Errorf("there was no %s", kind)
		}
	}
}

// send uploads, with a credential of the client's own and one of the caller's,
// and returns the response with its header.
func (c *canaries) send(t *testing.T, method, host, target string, hasForm bool) (status int, content string) {
	t.Helper()
	var body io.Reader
	if hasForm {
		body = strings.NewReader(formOf(key, field("signature", canaryOfClient), file("file", "meow")))
	}
	request := newUpload(t, target, body)
	request.Method, request.Host = method, host
	request.Header.Set("Authorization", "Bearer "+canaryOfCaller)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, fmt.Sprint(response.Header, " ", readAll(t, response), "\n")
}

// stored returns all that Caddy keeps below a directory, but for the Caddyfile.
func stored(t *testing.T, directory string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(directory, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		files[name] = name + string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 2 {
		t.Errorf("nothing is stored but %q", slices.Collect(maps.Keys(files)))
	}
	return files
}
