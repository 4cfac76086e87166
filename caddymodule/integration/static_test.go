// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// pairFor returns a pair that expires after a while, and its expiry as text.
func pairFor(lifetime time.Duration) (token.Token, string) {
	pair := token.Mint("demosecretkey", time.Now(), lifetime)
	return pair, fmt.Sprint(pair.Expire)
}

// gatewayFrom returns a gateway whose project has options of its own.
func gatewayFrom(gateway, upstream, options string) string {
	return fmt.Sprintf("http://%s {\n\tbind 127.0.0.1\n\tlog\n\tuploadcare {\n\t\tproject demopublickey {\n\t\t\t%s\n\t\t}\n\t\tupstream %s\n\t}\n}\n",
		gateway, options, upstream)
}

func sandboxAt(address string) string {
	return "http://" + address + " {\n\tbind 127.0.0.1\n\tuploadcare_sandbox\n}\n"
}

// uploadTo uploads a small file and returns the status of the answer.
func uploadTo(t *testing.T, gateway string) int {
	t.Helper()
	request := newUpload(t, "http://"+gateway+"/base/", strings.NewReader(formOf(key, file("file", "meow"))))
	response := do(t, http.DefaultClient, request)
	_ = readAll(t, response)
	return response.StatusCode
}

// The documents' configuration 1: a signature made beforehand serves until it
// expires, and must be replaced by hand. What they leave to be found out by
// failing uploads is told ahead, once, and again when it has happened.
func TestReferenceStaticSignature(t *testing.T) {
	files := t.TempDir()
	write := func(name, value string) {
		if err := os.WriteFile(filepath.Join(files, name), []byte(value+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, expire := pairFor(10 * time.Second) // long enough for Caddy to start
	write("signature", pair.Signature)
	write("expire", expire)
	gateway, sandbox := freeAddress(t), freeAddress(t)
	config := gatewayFrom(gateway, "http://"+sandbox, fmt.Sprintf("static {file.%s/signature} {file.%s/expire}\n\t\t\tthreshold 1h", files, files)) + sandboxAt(sandbox)
	c := startCaddy(t, config)
	if status := uploadTo(t, gateway); status != http.StatusOK {
		t.Errorf("before it expires: %d", status)
	}
	c.reload(config)
	const soon, late = "the static credential expires soon: it needs", "the static credential has expired: it needs"
	eventually(t, "it is told that the pair has expired", func() bool { return strings.Contains(c.output.String(), late) })
	if status := uploadTo(t, gateway); status != http.StatusServiceUnavailable {
		t.Errorf("when it has expired: %d", status)
	}
	c.reload(config)
	if told := c.output.String(); strings.Count(told, soon) != 1 || strings.Count(told, late) != 1 {
		t.Errorf("told %d times that it expires soon, and %d times that it has expired", strings.Count(told, soon), strings.Count(told, late))
	}

	another, expire := pairFor(2 * time.Hour)
	write("signature", another.Signature)
	write("expire", expire)
	eventually(t, "the pair in the files is used", func() bool { return uploadTo(t, gateway) == http.StatusOK })
	for _, signature := range []string{pair.Signature, another.Signature} {
		if strings.Contains(c.output.String()+c.get("/config/")+c.get("/metrics"), signature) {
			t.Error("a signature is shown")
		}
	}
}

// The documents' configuration 3: with a resolver and a static pair, the
// resolver is used, and a warning says so. The pair serves while the resolver
// fails, and not when it refuses.
func TestReferenceCombinedApproach(t *testing.T) {
	var status atomic.Int32
	status.Store(http.StatusOK)
	resolver := startUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
		if code := int(status.Load()); code != http.StatusOK {
			w.WriteHeader(code)
			return
		}
		pair, expire := pairFor(2 * time.Second)
		fmt.Fprintf(w, `{"secureSignature":"%s","secureExpire":"%s"}`, pair.Signature, expire)
	})
	pair, expire := pairFor(time.Hour)
	var signed atomic.Value
	upstream := startUpstream(t, func(_ http.ResponseWriter, r *http.Request) { signed.Store(r.FormValue("expire")) })
	gateway := freeAddress(t)
	c := startCaddy(t, gatewayFrom(gateway, upstream.URL,
		"resolver "+resolver.URL+" {\n\t\t\t\tretries 0\n\t\t\t}\n\t\t\tstatic {env.STATIC_SIGNATURE} {env.STATIC_EXPIRE}"),
		"STATIC_SIGNATURE="+pair.Signature, "STATIC_EXPIRE="+expire)
	for _, part := range []string{"both a source of credentials and a static one are set", `"source":"resolver"`, `"fallback":"static"`} {
		if !strings.Contains(c.output.String(), part) {
			t.Errorf("the warning at load does not say %s", part)
		}
	}
	usesResolver := func() bool { return uploadTo(t, gateway) == http.StatusOK && signed.Load() != expire }
	usesPair := func() bool { return uploadTo(t, gateway) == http.StatusOK && signed.Load() == expire }
	if !usesResolver() {
		t.Error("the resolver is not used")
	}
	status.Store(http.StatusInternalServerError)
	eventually(t, "the pair is used while the resolver fails", usesPair)
	status.Store(http.StatusOK)
	eventually(t, "the resolver is used again", usesResolver)
	status.Store(http.StatusForbidden)
	eventually(t, "what the resolver refuses is refused", func() bool {
		answer := uploadTo(t, gateway)
		if answer == http.StatusOK && signed.Load() == expire {
			t.Fatal("the pair was used although the resolver refused")
		}
		return answer == http.StatusForbidden
	})
	if strings.Contains(c.output.String(), pair.Signature) {
		t.Error("the signature is shown")
	}
}
