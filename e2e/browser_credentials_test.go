// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A page that uploads with the visitor's cookie, and reports to its server what it could
// read of each response.
const pageWithCookies = `<!doctype html><title>uploads</title><script>
const form = () => {
	const data = new FormData();
	data.append("UPLOADCARE_PUB_KEY", %[1]q);
	data.append("file", new File(["meow"], "cat.txt", { type: "text/plain" }));
	return data;
};
const read = async (path, options) => {
	try {
		const response = await fetch(%[2]q + path, { credentials: "include", ...options });
		return response.status + " " + (await response.text());
	} catch (error) {
		return "failed: " + error;
	}
};
(async () => {
	const results = [
		await read("/base/", { method: "POST", body: form() }),
		await read("/base/", { method: "POST", body: form(), headers: { "X-UC-User-Agent": "page" } }),
		await read("/base/", { method: "POST", body: "no form" }),
		await read("/signature"),
		await read("/signature", { method: "POST" }),
	];
	await fetch("/results", { method: "POST", body: results.join("\n") });
})();
</script>`

// serveCookiePage serves the page, which has a cookie for its host, whatever the port. It
// returns the page's address and a channel of its reports.
func serveCookiePage(t *testing.T, gateway string) (origin string, results <-chan string) {
	t.Helper()
	said := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/results" {
			text, _ := io.ReadAll(r.Body)
			select {
			case said <- string(text):
			default:
			}
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "of-anna", Path: "/"})
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, pageWithCookies, publicKey, gateway)
	}))
	t.Cleanup(server.Close)
	return server.URL, said
}

// visitBriefly opens a page in Chromium until the page has reported.
func visitBriefly(t *testing.T, page string, results <-chan string) []string {
	t.Helper()
	browser := exec.Command(chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--user-data-dir="+t.TempDir(), page)
	browser.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it has child processes
	if err := browser.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = syscall.Kill(-browser.Process.Pid, syscall.SIGKILL)
		_ = browser.Wait()
	}()
	select {
	case said := <-results:
		return strings.Split(said, "\n")
	case <-time.After(2 * time.Minute):
		t.Fatal("the page says nothing")
		return nil
	}
}

// A page whose origin cors names uploads with the visitor's cookie, by which a
// resolver per caller knows who it is, and reads what comes back. Another page reads
// only that it is refused.
func TestBrowserUploadsWithCookies(t *testing.T) {
	requireBrowser(t)
	asked := make(chan string, 100)
	expire := strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10)
	resolver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Header.Get("Cookie")
		if !strings.Contains(r.Header.Get("Cookie"), "session=of-anna") {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(w, `{"secureSignature":%q,"secureExpire":%q}`, signatureOf(expire), expire)
	}))
	t.Cleanup(resolver.Close)
	d := newDemonstration(t)
	named, fromNamed := serveCookiePage(t, d.gateway)
	other, fromOther := serveCookiePage(t, d.gateway)
	project := "project " + publicKey + " {\n\t\t\tresolver " + resolver.URL + " {\n\t\t\t\theader Cookie {http.request.header.Cookie}\n\t\t\t}\n\t\t}\n\t\tcors " + named
	start(t, d.gateway+" {\n\tbind 127.0.0.1\n\tuploadcare_signature /signature {\n\t\t"+project+"\n\t}\n\tuploadcare {\n\t\t"+project+"\n\t\tupstream "+d.sandbox+"\n\t}\n}\n"+
		d.sandbox+" {\n\tbind 127.0.0.1\n\tuploadcare_sandbox {\n\t\troot "+d.root+"\n\t}\n}\n")

	said := visitBriefly(t, named, fromNamed)
	if len(said) != 5 {
		t.Fatalf("the page says %q", said)
	}
	for i, want := range []string{`200 {"file"`, `200 {"file"`, "415 Only multipart/form-data", `200 {"secureSignature"`, "405 Signatures are handed out by GET"} {
		if !strings.HasPrefix(said[i], want) {
			t.Errorf("request %d: the page reads %q, want %q", i, said[i], want)
		}
	}
	if len(asked) == 0 {
		t.Error("the resolver was not asked")
	}
	for len(asked) > 0 {
		if cookie := <-asked; !strings.Contains(cookie, "session=of-anna") {
			t.Errorf("the resolver was asked for %q", cookie)
		}
	}
	for i, got := range visitBriefly(t, other, fromOther) {
		if !strings.HasPrefix(got, "failed: ") {
			t.Errorf("request %d: a page of another origin reads %q", i, got)
		}
	}
	if len(asked) > 0 {
		t.Error("the resolver was asked for a page of another origin")
	}
}
