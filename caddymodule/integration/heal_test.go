// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/rawtest"
)

const (
	notTaken   = "the Upload API does not take the project's credential"
	takenAgain = "the Upload API takes the project's credentials again"
	clockOff   = "this machine's clock differs from the Upload API's, by whose time credentials are made now; set it right"

	keptSize = 64 << 10 // the largest form that can be sent again
)

// projectForm returns a form for a project, of so many bytes in all.
func projectForm(t *testing.T, publicKey string, size int) (form, content string) {
	t.Helper()
	named := field("UPLOADCARE_PUB_KEY", publicKey)
	content = strings.Repeat("x", size-len(formOf(named, file("file", ""))))
	form = formOf(named, file("file", content))
	if len(form) != size {
		t.Fatalf("the form has %d bytes, not %d", len(form), size)
	}
	return form, content
}

// inRoutes is a gateway whose proxy stands in routes of which one is taken.
const inRoutes = `http://%s {
	bind 127.0.0.1
	route {
		uploadcare_sign {
			%[3]s
		}
		handle /nowhere/* {
			respond 404
		}
		handle {
			route {
				handle /base/* {
					reverse_proxy %[2]s
				}
				handle {
					reverse_proxy %[2]s
				}
			}
		}
	}
}
`

// A credential that the service does not take is replaced, and what can be sent
// again is: over every version of HTTP, in both dialects, behind any routes.
func TestAnUploadWhoseCredentialIsRejectedSucceeds(t *testing.T) {
	type request struct {
		method, target, contentType string
		body                        io.Reader
		content                     string
	}
	form := func(publicKey string, size int) request {
		form, content := projectForm(t, publicKey, size)
		return request{"POST", "/base/?", "multipart/form-data; boundary=" + boundary, strings.NewReader(form), content}
	}
	params := strings.Repeat("a", 2*keptSize)
	kinds := map[string]struct {
		request func(publicKey string) request
		kept    bool
	}{
		"a small form":        {func(publicKey string) request { return form(publicKey, 20<<10) }, true},
		"a form at the limit": {func(publicKey string) request { return form(publicKey, keptSize) }, true},
		"a form above it":     {func(publicKey string) request { return form(publicKey, keptSize+1) }, false},
		"a chunked form": {func(publicKey string) request {
			chunked := form(publicKey, 20<<10)
			chunked.body = struct{ io.Reader }{chunked.body}
			return chunked
		}, false},
		"urlencoded": {func(publicKey string) request {
			body := "pub_key=" + publicKey + "&source_url=" + params
			return request{"POST", "/from_url/?", "application/x-www-form-urlencoded", strings.NewReader(body), params}
		}, true},
		"GET from_url": {func(publicKey string) request {
			return request{"GET", "/from_url/?pub_key=" + publicKey + "&source_url=x&", "", http.NoBody, "x"}
		}, true},
	}

	upstream, resolver := startJudge(t, "canary-good", false), startFickle(t, "canary-good")
	d := newDemo(t)
	routed := freeAddress(t)
	sites := map[string]string{"HTTP/1.1": "https://" + d.secure, "HTTP/2.0": "https://" + d.secure, "HTTP/3.0": "https://" + d.secure, "HTTP/1.1, routed": "http://" + routed}
	// Each case has a project of its own, and so a cache of its own.
	var projects strings.Builder
	for i := range len(sites) * len(kinds) * 2 {
		fmt.Fprintf(&projects, "project case%d {\n\t\t\tresolver %s/case%d\n\t\t}\n\t\t", i, resolver.URL, i)
	}
	startCaddy(t, fmt.Sprintf("https://%s {\n\tbind 127.0.0.1\n\tuploadcare {\n\t\t%s\n\t\tupstream %s\n\t}\n}\n", d.secure, projects.String(), upstream.URL)+
		fmt.Sprintf(inRoutes, routed, upstream.URL, projects.String()))
	d.awaitCertificate(t)

	number := 0
	for site, address := range sites {
		client := client(t, strings.TrimSuffix(site, ", routed"))
		for name, kind := range kinds {
			for _, query := range []string{"", "jsonerrors=1"} {
				publicKey := fmt.Sprintf("case%d", number)
				number++
				t.Run(site+"/"+name+"/"+query, func(t *testing.T) {
					send := func() (*http.Response, string) {
						kind := kind.request(publicKey)
						request := newUpload(t, address+kind.target+query, kind.body)
						request.Method = kind.method
						request.Header.Set("Content-Type", kind.contentType)
						return do(t, client, request), kind.content
					}
					upstream.count()
					if !kind.kept {
						response, _ := send()
						if body := readAll(t, response); !strings.Contains(body, "Invalid signature.") || (response.StatusCode == 200) != (query != "") {
							t.Errorf("response %d %s", response.StatusCode, body)
						}
					}
					response, content := send()
					if response.ProtoMajor != int(site[5]-'0') || len(response.Header.Values("Via")) != 1 || len(response.Header.Values("Date")) != 1 {
						t.Errorf("%s, header %v", response.Proto, response.Header)
					}
					wantFile(t, response, content)
					if accepted, rejected := upstream.count(); accepted != 1 || rejected != "map[Invalid signature.:1]" || resolver.count("/"+publicKey, 0) != 2 {
						t.Errorf("%d accepted, rejected: %s", accepted, rejected)
					}
				})
			}
		}
	}
}

// However many uploads meet a credential that is not taken, it is replaced once,
// they all succeed, and the log says so once.
func TestABurstOfRejectedUploadsSucceeds(t *testing.T) {
	upstream, resolver := startJudge(t, "canary-good", false), startFickle(t, "canary-good")
	gateway := freeAddress(t)
	c := startCaddy(t, gatewayFrom(gateway, upstream.URL, "resolver "+resolver.URL+"/burst"))
	form, content := projectForm(t, "demopublickey", 20<<10)
	var uploads sync.WaitGroup
	for range 200 {
		uploads.Go(func() {
			response, err := http.DefaultClient.Do(newUpload(t, "http://"+gateway+"/base/", strings.NewReader(form)))
			if err != nil {
				t.Error(err)
				return
			}
			wantFile(t, response, content)
		})
	}
	uploads.Wait()
	if calls := resolver.count("/burst", 0); calls != 2 {
		t.Errorf("the resolver was asked %d times", calls)
	}
	eventually(t, "the log says so", func() bool { return c.logged(notTaken) == 1 && c.logged(takenAgain) == 1 })
	if !strings.Contains(c.output.String(), "the source signs with the secret key of another project") {
		t.Errorf("no cause:\n%s", c.output)
	}
}

// A gateway whose clock is hours off uploads over TLS, with both schemes, by both
// versions of HTTP to the upstream; and over plain HTTP no response sets the clock.
func TestAGatewayWithAWrongClockUploads(t *testing.T) {
	form, content := projectForm(t, "demopublickey", 20<<10)
	for direction, ahead := range map[string]time.Duration{"behind": 2 * time.Hour, "ahead": -2 * time.Hour} {
		for _, scheme := range []string{"signature", "token"} {
			for _, version := range []string{"1.1", "2"} {
				t.Run(direction+"/"+scheme+"/"+version, func(t *testing.T) {
					upstream := startJudge(t, "canary-good", true)
					upstream.set("canary-good", ahead)
					gateway := freeAddress(t)
					c := startCaddy(t, gatewayFrom(gateway, upstream.URL+"\n\t\ttransport http {\n\t\t\ttls_insecure_skip_verify\n\t\t\tversions "+version+"\n\t\t}",
						"secret_key canary-good\n\t\t\tscheme "+scheme))
					for range 3 {
						wantFile(t, do(t, http.DefaultClient, newUpload(t, "http://"+gateway+"/base/", strings.NewReader(form))), content)
					}
					accepted, rejected := upstream.count()
					if once := strings.HasSuffix(rejected, ":1]"); accepted != 3 || once != (ahead > 0 || scheme == "token") || rejected != "" && !once {
						t.Errorf("%d accepted, rejected: %s", accepted, rejected)
					}
					eventually(t, "the log says so", func() bool { return c.logged(clockOff) == 1 })
					if c.logged(notTaken) != 0 {
						t.Error("another cause is logged")
					}
					if proto := "HTTP/" + strings.Replace(version, "2", "2.0", 1); upstream.versions[proto] == 0 || len(upstream.versions) != 1 {
						t.Errorf("the upstream was reached by %v", upstream.versions)
					}
				})
			}
		}
	}
	t.Run("without TLS", func(t *testing.T) {
		upstream := startJudge(t, "canary-good", false)
		upstream.set("canary-good", 2*time.Hour)
		gateway := freeAddress(t)
		c := startCaddy(t, gatewayFrom(gateway, upstream.URL, "secret_key canary-good"))
		response := do(t, http.DefaultClient, newUpload(t, "http://"+gateway+"/base/", strings.NewReader(form)))
		if body := readAll(t, response); response.StatusCode != http.StatusForbidden || body != "Expired signature." {
			t.Errorf("response %d %s", response.StatusCode, body)
		}
		eventually(t, "the log says so", func() bool { return c.logged(notTaken) == 1 })
		if c.logged(clockOff) != 0 {
			t.Error("a response without TLS is believed")
		}
	})
}

// After a rejection that comes before the body does, the retry has the whole of it,
// also for a client that waits to be asked.
func TestInvariant10AnEarlyRejectionIsHealed(t *testing.T) {
	form, _ := projectForm(t, "demopublickey", 60<<10)
	arrived := make(chan string, 100)
	// Of two connections, one gets its response as soon as its head has come.
	upstream := rawtest.Serve(t, func(connection net.Conn, number int) {
		first := number%2 == 0
		request, err := http.ReadRequest(bufio.NewReader(connection))
		if err != nil {
			return
		}
		if first {
			_, _ = io.WriteString(connection, "HTTP/1.1 401 Unauthorized\r\nContent-Type: text/plain\r\nContent-Length: 14\r\nConnection: close\r\n\r\nExpired token.")
			_, _ = io.Copy(io.Discard, connection)
			return
		}
		body, _ := io.ReadAll(request.Body)
		arrived <- string(body)
		_, _ = io.WriteString(connection, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
	})
	d := newDemo(t)
	site := "%s {\n\tbind 127.0.0.1\n\tuploadcare {\n\t\tproject demopublickey {\n\t\t\tsecret_key canary\n\t\t\tscheme token\n\t\t}\n\t\tupstream http://" + upstream + "\n\t}\n}\n"
	startCaddy(t, fmt.Sprintf(site, "https://"+d.secure)+fmt.Sprintf(site, "http://"+d.plain))
	d.awaitCertificate(t)
	for _, version := range []string{"HTTP/1.1", "HTTP/2.0", "HTTP/3.0"} {
		for _, expects := range []string{"", "100-continue"} {
			t.Run(version+"/"+expects, func(t *testing.T) {
				request := newUpload(t, "https://"+d.secure+"/base/", trickle(form, 10, 30*time.Millisecond))
				request.ContentLength = int64(len(form))
				request.Header.Set("Expect", expects)
				response := do(t, client(t, version), request)
				if body := readAll(t, response); response.StatusCode != http.StatusOK || body != "ok" {
					t.Fatalf("response %d %q", response.StatusCode, body)
				}
				if got := receive(t, "the upload arrives", arrived); got != form {
					t.Errorf("%d bytes arrived", len(got))
				}
			})
		}
	}
}
