// SPDX-License-Identifier: Apache-2.0

package command_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-uploadcare/caddy-uploadcare/caddymodule"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/command"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

const (
	canary = "canary0123456789abcd" // the secret key
	file   = "0a1b2c3d-0000-4000-8000-000000000000"
)

// service is an Upload API that takes what the canary signs, by a clock of its own.
func service(offset time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(offset).UTC().Format(http.TimeFormat))
		if r.URL.Path != "/base/" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		fail := func(code, text string) {
			_, _ = fmt.Fprintf(w, `{"error":{"content":%q,"error_code":%q,"status_code":403}}`, text, code)
		}
		switch signature, expire := r.FormValue("signature"), r.FormValue("expire"); {
		case r.FormValue("UPLOADCARE_PUB_KEY") != "demopublickey":
			fail("ProjectPublicKeyInvalidError", "UPLOADCARE_PUB_KEY is invalid.")
		case signature != token.Sign(canary, expire):
			fail("SignatureInvalidError", "Invalid signature.")
		case r.FormValue("UPLOADCARE_STORE") != "0":
			fail("Stored", "the byte would stay")
		default:
			_, _ = fmt.Fprintf(w, `{"file":%q}`, file)
		}
	})
}

func start(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// write writes a file, and returns its path.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// resolver responds with a pair, or a status.
func resolver(t *testing.T, status int, lifetime time.Duration) string {
	t.Helper()
	return start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		expire := fmt.Sprint(time.Now().Add(lifetime).Unix())
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"secureSignature":%q,"secureExpire":%q}`, token.Sign(canary, expire), expire)
	}))
}

// found is one line of `check --json`.
type found struct{ Check, Subject, Verdict, Text, Remedy string }

func check(t *testing.T, caddyfile string, flags ...string) (all []found, code int) {
	t.Helper()
	path := write(t, "Caddyfile", "{\n\tadmin off\n\tstorage file_system "+t.TempDir()+"\n}\n"+caddyfile)
	if strings.HasPrefix(caddyfile, "{\n") {
		path = write(t, "Caddyfile", caddyfile)
	}
	output, code, err := command.RunCheck(t, append(flags, "--json", "--config", path)...)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(output, canary) { // invariant 8
		t.Errorf("the secret is in the output:\n%s", output)
	}
	for line := range strings.Lines(output) {
		var one found
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	return all, code
}

// siteOf returns a site with a gateway, and options of its only project.
func siteOf(upstream, options string) string {
	return "http://gateway.localhost:8081 {\n\tbasic_auth {\n\t\tsomeone $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG\n\t}\n\tuploadcare {\n\t\tproject demopublickey {\n" +
		options + "\n\t\t}\n\t\tupstream " + upstream + "\n\t}\n}\n"
}

func TestAConfigThatIsRightHasNoFinding(t *testing.T) {
	all, code := check(t, siteOf(start(t, service(0)), "secret_key "+canary), "--live")
	var checks []string
	for _, one := range all {
		checks = append(checks, one.Check)
		if one.Verdict != "ok" || one.Remedy != "" {
			t.Errorf("got %+v", one)
		}
	}
	if got := strings.Join(checks, " "); got != "secret before config source loop upstream clock live" || code != 0 {
		t.Errorf("got %s, exit code %d", got, code)
	}
	if last := all[len(all)-1]; !strings.Contains(last.Text, file) {
		t.Errorf("got %+v", last)
	}
}

func TestOfflineNothingIsSent(t *testing.T) {
	never := start(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was asked") }))
	site := strings.Replace(siteOf(never, "resolver "+never), "upstream ", "health_uri /\n\t\tupstream ", 1)
	all, code := check(t, site, "--offline")
	var checks []string
	for _, one := range all {
		checks = append(checks, one.Check)
	}
	if got := strings.Join(checks, " "); got != "before config" || code != 0 {
		t.Errorf("got %s, exit code %d", got, code)
	}
}

// A start that depends on the check must not fail for one project of several.
func TestOfflineAnExpiredPairIsAWarning(t *testing.T) {
	expire := fmt.Sprint(time.Now().Add(-time.Hour).Unix())
	all, code := check(t, siteOf("https://upload.uploadcare.com", "static "+token.Sign(canary, expire)+" "+expire), "--offline")
	last := all[len(all)-1]
	if last.Check != "source" || last.Verdict != "warning" || !strings.Contains(last.Text, "has expired") || code != 0 {
		t.Errorf("got %+v, exit code %d", last, code)
	}
}

// Each check finds the fault that is planted for it, and says what to do.
func TestEachCheckFindsItsFaultWithARemedy(t *testing.T) {
	upstream := start(t, service(0))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	unused := listener.Addr().String()
	_ = listener.Close()
	secure := httptest.NewTLSServer(service(0))
	t.Cleanup(secure.Close)
	const secret = "secret_key " + canary
	fixed := func(lifetime time.Duration) string {
		expire := fmt.Sprint(time.Now().Add(lifetime).Unix())
		return "static " + token.Sign(canary, expire) + " " + expire
	}
	open := func(callers string) string {
		return "http://gateway.localhost:8081 {\n\tencode\n\tuploadcare {\n\t\tproject demopublickey {\n\t\t\t" + secret + "\n\t\t\t" + callers + "\n\t\t}\n\t\tupstream " + upstream + "\n\t}\n}\n"
	}
	tests := map[string]struct{ caddyfile, check, verdict, text, remedy string }{
		"a typo":                         {siteOf(upstream, "secret_kye x"), "config", "failed", "unrecognized option 'secret_kye'", "docs/errors.md"},
		"no gateway":                     {"http://localhost:8081 {\n\trespond ok\n}\n", "config", "warning", "there is no uploadcare", "--config"},
		"a secret in quotes":             {siteOf(upstream, "secret_key `\""+canary+"\"`"), "secret", "failed", "in quotes", "put the key alone"},
		"a secret that is not there":     {siteOf(upstream, "secret_key {file./no/such/file}"), "secret", "failed", "there is no such file", "readable for the user"},
		"a secret that is a directory":   {siteOf(upstream, "secret_key {file."+t.TempDir()+"}"), "secret", "failed", "it is a directory", "put the key alone"},
		"unused checks the callers":      {open("callers checked"), "before", "warning", "encode: nothing there checks the callers of project demopublickey", "basic_auth"},
		"nothing is said of callers":     {open(""), "before", "warning", "anybody who reaches the site may upload", "callers anyone"},
		"bodies are read into memory":    {strings.Replace(open("callers anyone"), "encode", "log_append body {http.request.body}", 1), "before", "failed", "reads each upload into memory", "take the placeholder out"},
		"a resolver that is down":        {siteOf(upstream, "resolver http://"+unused+" {\n retries 0\n}"), "source", "failed", "connection refused", "check the address"},
		"a resolver that refuses":        {siteOf(upstream, "resolver "+resolver(t, http.StatusForbidden, time.Hour)), "source", "failed", "403 Forbidden", "Authorization"},
		"a resolver that is wrong":       {siteOf(upstream, "resolver "+resolver(t, http.StatusNotFound, time.Hour)), "source", "failed", "404 Not Found", "by hand"},
		"a resolver of expired pairs":    {siteOf(upstream, "resolver "+resolver(t, http.StatusOK, -time.Hour)), "source", "failed", "expired token, by 1h0m", "compare the clocks"},
		"a resolver of short pairs":      {siteOf(upstream, "resolver "+resolver(t, http.StatusOK, time.Minute)), "source", "warning", "not longer than the threshold, 10m0s", "live longer"},
		"a pair that has expired":        {siteOf(upstream, fixed(-time.Hour)), "source", "failed", "the static credential has expired", "make another pair"},
		"a pair that expires":            {siteOf(upstream, fixed(time.Minute)), "source", "warning", "expires in", "make another pair soon"},
		"a fallback that has expired":    {siteOf(upstream, "resolver "+resolver(t, http.StatusOK, time.Hour)+"\n"+fixed(-time.Hour)), "source", "warning", "the fallback has expired", "drop it"},
		"a storage that cannot be used":  {"{\n\tadmin off\n\tstorage file_system /dev/null/not\n}\n" + siteOf(upstream, "resolver "+resolver(t, http.StatusOK, time.Hour)+"\nshared"), "storage", "failed", "writing: ", "global option `storage`"},
		"an upstream that is down":       {siteOf("http://"+unused, secret), "upstream", "failed", "connection refused", "nothing listens there"},
		"an upstream without a name":     {siteOf("https://nowhere.invalid", secret), "upstream", "failed", "nowhere.invalid", "DNS"},
		"an upstream without TLS":        {siteOf(strings.Replace(upstream, "http://", "https://", 1), secret), "upstream", "failed", "does not look like a TLS handshake", "does not speak TLS"},
		"a certificate unused trusts":    {siteOf(secure.URL, secret), "upstream", "failed", "certificate", "trusted here"},
		"a service with an outage":       {siteOf(start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })), secret), "upstream", "warning", "status 503", "outage"},
		"an upstream that is another":    {siteOf(start(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})), secret), "upstream", "warning", "with status 200 after", "is the Upload API"},
		"nothing behind uploadcare_sign": {"http://gateway.localhost:8081 {\n\tuploadcare_sign {\n\t\tproject demopublickey\n\t\t" + secret + "\n\t}\n}\n", "upstream", "warning", "no proxy", "reverse_proxy"},
		"an upstream that is itself":     {"http://localhost:8081 {\n\tuploadcare {\n\t\tproject demopublickey\n\t\t" + secret + "\n\t\tupstream http://localhost:8081\n\t}\n}\n", "loop", "failed", "uploads would come back here", "real address"},
		"a clock ten minutes ahead":      {siteOf(start(t, service(-10*time.Minute)), secret), "clock", "warning", "differs from the upstream's by 10m0s", "NTP"},
		"a clock days behind":            {siteOf(start(t, service(48*time.Hour)), secret), "clock", "failed", "more than the gateway corrects", "NTP"},
		"the secret of another project":  {siteOf(upstream, "secret_key another"), "live", "failed", "Invalid signature. (SignatureInvalidError)", "belongs to another project"},
		"a public key that is none":      {strings.Replace(siteOf(upstream, secret), "demopublickey", "nosuchkey", 1), "live", "failed", "ProjectPublicKeyInvalidError", "no such project"},
		"a policy against the byte":      {siteOf(upstream, secret+"\ntypes image/*"), "live", "warning", "FileTypeForbiddenError", "own policy"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			flags := []string{}
			if test.check == "live" {
				flags = append(flags, "--live")
			}
			all, code := check(t, test.caddyfile, flags...)
			var matched bool
			for _, one := range all {
				matched = matched || one.Check == test.check && one.Verdict == test.verdict && strings.Contains(one.Text, test.text) && strings.Contains(one.Remedy, test.remedy)
				if one.Verdict != "ok" && one.Remedy == "" {
					t.Errorf("there is no remedy: %+v", one)
				}
			}
			if !matched {
				t.Errorf("not found; got %+v", all)
			}
			if (test.verdict == "failed") != (code == 2) {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// A load error is shown without Caddy's path to the handler.
func TestALoadErrorIsShownWithoutThePathToIt(t *testing.T) {
	all, code := check(t, strings.Replace(siteOf("https://localhost", "secret_key "+canary), "demopublickey", `"de mo"`, 1), "--offline")
	last := all[len(all)-1]
	if !strings.HasPrefix(last.Text, "uploadcare_sign: project de mo: public key: ") || code != 2 {
		t.Errorf("got %+v, exit code %d", last, code)
	}
}
