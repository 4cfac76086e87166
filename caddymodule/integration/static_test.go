// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
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

// uploadTo uploads a small file and returns the status of the response.
func uploadTo(t *testing.T, gateway string) int {
	t.Helper()
	request := newUpload(t, "http://"+gateway+"/base/", strings.NewReader(formOf(key, file("file", "meow"))))
	response := do(t, http.DefaultClient, request)
	_ = readAll(t, response)
	return response.StatusCode
}

// The documents' configuration 1: a signature made beforehand serves until it
// expires, and must be replaced by hand. What they leave to be found out by
// failing uploads is logged ahead, once, and again when it has happened.
func TestDocumentsStaticSignature(t *testing.T) {
	written, expire := pairFor(time.Hour)
	startDocuments(t, "static "+written.Signature+" "+expire).accepts(t)
	written, expire = pairFor(-time.Hour)
	startDocuments(t, "static "+written.Signature+" "+expire).refuses(t, 503, "GatewayCredentialError")

	files := t.TempDir()
	write := func(name, value string) {
		if err := os.WriteFile(filepath.Join(files, name), []byte(value+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, expire := pairFor(10 * time.Second) // long enough for Caddy to start
	write("signature", pair.Signature)
	write("expire", expire)
	options := fmt.Sprintf("static {file.%s/signature} {file.%s/expire}\nthreshold 1h", files, files)
	d := startDocuments(t, options)
	d.accepts(t)
	d.caddy.reload(d.config(options))
	const soon, late = "the static credential expires soon: it needs", "the static credential has expired: it needs"
	eventually(t, "the log reports that the pair has expired", func() bool { return strings.Contains(d.caddy.output.String(), late) })
	d.refuses(t, 503, "GatewayCredentialError")
	d.caddy.reload(d.config(options))
	if output := d.caddy.output.String(); strings.Count(output, soon) != 1 || strings.Count(output, late) != 1 {
		t.Errorf("logged %d times that it expires soon, and %d times that it has expired", strings.Count(output, soon), strings.Count(output, late))
	}

	another, expire := pairFor(2 * time.Hour)
	write("signature", another.Signature)
	write("expire", expire)
	eventually(t, "the pair in the files is used", func() bool { return uploadTo(t, d.plain) == http.StatusOK })
	for _, signature := range []string{pair.Signature, another.Signature} {
		if strings.Contains(d.caddy.output.String()+d.caddy.get("/config/")+d.caddy.get("/metrics"), signature) {
			t.Error("a signature is shown")
		}
	}
}

// The documents' configuration 3: with a resolver and a static pair, in either
// order, the resolver is used, and a warning says so. The pair serves while the
// resolver fails, and not when it refuses.
func TestDocumentsCombinedApproach(t *testing.T) {
	warns := func(c *caddyProcess) {
		t.Helper()
		output := c.output.String()
		if strings.Count(output, "both a source of credentials and a static one are set") != 1 {
			t.Error("the log has no warning, or several")
		}
		for _, part := range []string{`"source":"resolver"`, `"fallback":"static"`} {
			if !strings.Contains(output, part) {
				t.Errorf("the warning at load does not say %s", part)
			}
		}
	}
	b := startBackEnd(t, signs(time.Hour))
	d := startDocuments(t, fmt.Sprintf("static %s %d\nresolver %s", zeroSignature, time.Now().Unix()+3600, b.url))
	d.accepts(t) // the sandbox would not take the pair
	warns(d.caddy)

	b = startBackEnd(t, says(500, "down"))
	d = documents{demo: newDemo(t)}
	witness, arrivals := startWitness(t, d.sandbox)
	pair, expire := pairFor(time.Hour)
	d.caddy = startCaddy(t, gatewayFrom(d.plain, witness, "resolver "+b.url+" {\nretries 0\n}\nstatic {env.STATIC_SIGNATURE} {env.STATIC_EXPIRE}")+sandboxAt(d.sandbox),
		"STATIC_SIGNATURE="+pair.Signature, "STATIC_EXPIRE="+expire)
	warns(d.caddy)
	var signed token.Token // what the last upload that reached the sandbox was signed with
	upload := func() int {
		status := uploadTo(t, d.plain)
		for len(arrivals) > 0 {
			signed = (<-arrivals).pair
		}
		return status
	}
	usesPair := func() bool { return upload() == http.StatusOK && signed.Signature == pair.Signature }
	usesResolver := func() bool { return upload() == http.StatusOK && signed.Signature != pair.Signature }

	d.accepts(t)
	if !usesPair() {
		t.Error("the pair is not used while the resolver has never responded")
	}
	b.respond(says(403, "no"))
	eventually(t, "what the resolver refuses is refused, whatever the pair", func() bool {
		status := upload()
		if status != http.StatusOK && status != http.StatusForbidden {
			t.Fatalf("response %d", status)
		}
		return status == http.StatusForbidden // else it was not asked again yet
	})
	b.respond(signs(2 * time.Second))
	eventually(t, "the resolver is used", usesResolver)
	b.respond(says(500, "down"))
	eventually(t, "the pair is used while the resolver fails", usesPair)
	b.respond(signs(2 * time.Second))
	eventually(t, "the resolver is used again", usesResolver)
	b.respond(says(403, "no"))
	eventually(t, "what the resolver refuses is refused", func() bool {
		status := upload()
		if status == http.StatusOK && signed.Signature == pair.Signature {
			t.Fatal("the pair was used although the resolver refused")
		}
		return status == http.StatusForbidden
	})
	if strings.Contains(d.caddy.output.String(), pair.Signature) {
		t.Error("the signature is shown")
	}
}
