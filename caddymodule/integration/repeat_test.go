// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/rawtest"
)

// repeater is an upstream that repeats the credentials that it is sent, wherever
// the query says.
type repeater struct{ *canaries }

var sentCredential = regexp.MustCompile(`[0-9a-f]{64}|[\w-]+\.[\w-]+\.[\w-]{43}|` + canaryOfClient)

func (p repeater) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	query, _ := url.QueryUnescape(r.URL.RawQuery)
	all := sentCredential.FindAllString(query+" "+string(body)+" "+r.Header.Get("Authorization"), -1)
	for _, credential := range all {
		p.add("credential at the upstream", credential)
	}
	sent := strings.Join(all, " ")
	header := w.Header()
	header.Set("Content-Type", "application/json")
	switch mode := r.URL.Query().Get("then"); mode {
	case "nothing":
		header.Set("Content-Length", "0")
		return
	case "interim":
		header.Set("Link", "<https://cdn.example.com/?signature="+sent+">; rel=preload")
		header.Set("X-Sent", sent)
		w.WriteHeader(http.StatusEarlyHints)
		header.Del("Link")
	case "headers":
		for _, name := range []string{"Location", "Content-Location", "Link", "Refresh", "Set-Cookie", "Www-Authenticate", "X-Sent", "Warning"} {
			header[name] = []string{"none", "1; url=https://example.com/?a=b&signature=" + sent + "&expire=1#" + sent, sent}
		}
	case "trailers":
		header["Trailer"] = []string{"X-Announced, X-" + sent} // whose letters become others
		_, _ = io.WriteString(w, "{}")
		_ = http.NewResponseController(w).Flush()
		header.Set("X-Announced", sent)
		header.Set(http.TrailerPrefix+"X-Sent", sent)
		return
	case "error":
		header.Set("X-Sent", sent)
		w.WriteHeader(http.StatusInternalServerError)
	default: // what is no response
		if r.ProtoMajor == 1 {
			p.raw(w, strings.ReplaceAll(malformed[mode], "SENT", sent))
			return
		}
	}
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, "{}")
	}
}

// tooMuch is the mode of which Go's own client logs what it did not ask for, and the
// docs/operations.md says so.
const tooMuch = "too-much"

// malformed are responses that errors quote.
var malformed = map[string]string{
	"status":       "HTTP/1.1 2x0 SENT\r\n\r\n",
	"another":      "HTTP/1.1 099 SENT\r\nX-Sent: SENT\r\nContent-Length: 0\r\n\r\n",
	"no-http":      "SENT\r\n\r\n",
	"line":         "HTTP/1.1 200 OK\r\nbroken SENT\r\n\r\n",
	"name":         "HTTP/1.1 200 OK\r\nbroken SENT: x\r\n\r\n",
	"length":       "HTTP/1.1 200 OK\r\nContent-Length: SENT\r\n\r\n",
	"coding":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: SENT\r\n\r\n",
	"chunk":        "HTTP/1.1 200 OK\r\nX-Sent: SENT\r\nTransfer-Encoding: chunked\r\n\r\nSENT\r\n",
	"trailer":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nbroken SENT\r\n\r\n",
	"switch":       "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SENT\r\nX-Sent: SENT\r\n\r\n",
	"interim-line": "HTTP/1.1 103 Early Hints\r\nbroken SENT\r\n\r\n",
	tooMuch:        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Sent: SENT\r\n\r\n{}SENT",
	"and-nothing":  "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nX-Sent: SENT\r\n\r\n{}",
	"gone-at-once": "",
}

// repeated is a request whose credentials an upstream repeats.
type repeated struct{ method, target, contentType, body, more string }

func repeatedRequests(mode string) []repeated {
	const (
		form  = "multipart/form-data; boundary=" + boundary
		query = "pub_key=demopublickey&source_url=x&signature=" + canaryOfClient + "&expire=1&then="
	)
	stale := field("signature", canaryOfClient)
	requests := []repeated{
		{method: "GET", target: "/from_url/?" + query + mode},
		{method: "POST", target: "/base/?then=" + mode, contentType: form, body: formOf(key, stale, file("file", "meow"))},
		{method: "POST", target: "/base/?then=" + mode, contentType: form, body: formOf(key, stale, file("file", strings.Repeat("meow ", 30<<10)))},
	}
	if _, is := malformed[mode]; is { // whatever the request
		return requests
	}
	return append(requests,
		repeated{method: "HEAD", target: "/from_url/?" + query + mode},
		repeated{method: "get", target: "/group/?" + query + mode},
		repeated{method: "POST", target: "/from_url/?then=" + mode, contentType: "application/x-www-form-urlencoded", body: query + mode},
	)
}

// wire sends a request to a host and returns all that comes back, as it comes.
func (r repeated) wire(t *testing.T, address, host string) string {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(time.Minute))
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nTE: trailers\r\nAuthorization: Bearer %s\r\n%s", r.method, r.target, host, canaryOfCaller, r.more)
	if r.body != "" {
		head += fmt.Sprintf("Content-Type: %s\r\nContent-Length: %d\r\n", r.contentType, len(r.body))
	}
	if _, err := io.WriteString(connection, head+"\r\n"+r.body); err != nil {
		t.Fatal(err)
	}
	response, _ := io.ReadAll(bufio.NewReader(connection)) // it may be cut short
	return string(response)
}

// withoutQueries is the filter of docs/operations.md: the snippet and global options,
// and what a site has.
func withoutQueries(t *testing.T) (global, site string) {
	t.Helper()
	snippet, rest, _ := strings.Cut(documented(t, "docs/operations.md", "format filter"), "\n{\n")
	global, site, _ = strings.Cut(rest, "\nupload.example.com {\n")
	site, _, _ = strings.Cut(site, "\tuploadcare\n")
	return snippet + "\n{\n" + global + "\n", site
}

// Invariant 8: what an upstream repeats of the credentials that it is sent is seen
// neither by the client, in any header, interim response or trailer, nor in a log
// at debug level, whichever transport there is.
func TestInvariant8UpstreamsRepeatCredentialsInVain(t *testing.T) {
	canaries := newCanaries(t)
	upstream := startUpstream(t, repeater{canaries}.ServeHTTP).URL
	secure := httptest.NewUnstartedServer(repeater{canaries})
	secure.EnableHTTP2, secure.TLS = true, &tls.Config{MinVersion: tls.VersionTLS12}
	secure.StartTLS()
	t.Cleanup(secure.Close)
	gateway := freeAddress(t)
	_, port, _ := strings.Cut(gateway, ":")
	filter, _ := withoutQueries(t)
	caddyfile := filter
	const project = "project demopublickey {\n\t\t\tsecret_key {env.CANARY_SECRET}\n\t\t\tSCHEME\n\t\t}\n"
	const withGosClient = 1 // of the options
	var hosts []string
	for i, options := range []string{
		"uploadcare {\n" + project + "upstream " + upstream + "\n}",
		"uploadcare {\n" + project + "upstream " + upstream + "\ntransport http\n}",
		"uploadcare {\n" + project + "upstream " + secure.URL + "\ntransport uploadcare {\ntls_insecure_skip_verify\nversions 2\n}\n}",
		"uploadcare {\n" + project + "upstream " + secure.URL + "\ntransport http {\ntls_insecure_skip_verify\n}\n}",
		"route {\nuploadcare_sign {\n" + project + "}\nreverse_proxy " + upstream + " {\ntransport uploadcare\n}\n}",
		// With a rewrite, Caddy makes anew what its proxy logs of the request.
		"uploadcare {\n" + project + "upstream " + upstream + "\nrewrite /v1{path}\n}",
		"uploadcare {\n" + project + "upstream " + upstream + "\nrewrite /v1{path}\ntransport http\nlb_policy uri_hash\n}",
		// An error that quotes the upstream, and error routes that show it.
		"uploadcare {\n" + project + "upstream " + upstream + "\nhandle_response {\nerror \"oh {rp.header.X-Sent} {rp.status_text}\" 500\n}\n}\n" +
			"handle_errors 5xx {\nrespond \"{err.message} {err.status_code}\" {err.status_code}\n}",
	} {
		for _, scheme := range []string{"signature", "token"} {
			host := fmt.Sprintf("site%d-%s.localhost:%s", i, scheme, port)
			hosts = append(hosts, host)
			caddyfile += fmt.Sprintf("http://%s {\n\tbind 127.0.0.1\n\t%s\n}\n", host, strings.Replace(options, "SCHEME", "scheme "+scheme, 1))
		}
	}
	c := startCaddy(t, caddyfile, canaries.environment("http://"+freeAddress(t))...)
	modes := []string{"", "interim", "headers", "trailers", "error"}
	for mode := range malformed {
		modes = append(modes, mode)
	}
	var redacted atomic.Int64
	t.Run("responses", func(t *testing.T) {
		for i, host := range hosts {
			t.Run(host, func(t *testing.T) {
				t.Parallel()
				for j, mode := range modes {
					if mode == tooMuch && i/2%5 == withGosClient || !rawtest.IsSampled(i*len(modes)+j) {
						continue
					}
					for _, request := range repeatedRequests(mode) {
						response := request.wire(t, gateway, host)
						canaries.wantNone(t, fmt.Sprintf("%s: %.50s", mode, request), response)
						redacted.Add(int64(strings.Count(response, "REDACTED")))
					}
				}
			})
		}
	})
	if redacted.Load() == 0 {
		t.Error("the upstreams have repeated nothing")
	}
	canaries.wantNone(t, "/metrics", c.get("/metrics"))
	c.terminate()
	exits(t, c)
	output := c.output.String()
	canaries.wantNone(t, "output", output)
	for _, line := range []string{"upstream roundtrip", "upload refused", "REDACTED"} {
		if !strings.Contains(output, line) {
			t.Errorf("the output lacks %q", line)
		}
	}
}

// Invariant 8, as far as it is in docs/operations.md: with its filter no log has the
// credential that a client put into a query, whatever handler fails, whatever method a
// request has, and wherever it is sent with its query.
func TestInvariant8FilterKeepsClientsCredentialsOutOfAllLogs(t *testing.T) {
	upstream := startUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.RawQuery, "moved") {
			http.Redirect(w, r, "/elsewhere/?"+r.URL.RawQuery, http.StatusMovedPermanently)
			return
		}
		swallow(w, r)
	}).URL
	session := startUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		switch uri := r.Header.Get("X-Forwarded-Uri"); {
		case strings.Contains(uri, "denied"):
			w.WriteHeader(http.StatusUnauthorized)
		case strings.Contains(uri, "login"):
			http.Redirect(w, r, "https://login.example.com/?rd="+url.QueryEscape("https://upload.example.com"+uri), http.StatusFound)
		}
	}).URL
	gateway, redirecting := freeAddress(t), freeAddress(t)
	run := func(global, site string) string {
		c := startCaddy(t, global+"http://"+redirecting+" {\n\tbind 127.0.0.1\n"+site+"\n\tredir https://{host}{uri}\n}\nhttp://"+gateway+" {\n\tbind 127.0.0.1\n"+site+`
			@fails query fails=before
			error @fails "it fails" 500
			rewrite /rewritten/* /from_url/?{query}
			forward_auth `+session+` {
				uri /session
				header_up X-Original-Uri {uri}
			}
			route {
				uploadcare_sign {
					project demopublickey {
						secret_key canary-of-a-secret
					}
				}
				@behind query fails=behind
				error @behind "it fails" 500
				reverse_proxy `+upstream+`
			}
		}
		`, canarySecret)
		for _, method := range []string{"GET", "HEAD", "POST", "post", "OPTIONS", "TRACE", "DELETE", "PUT"} {
			for _, path := range []string{"/from_url/", "/rewritten/", "/info/", "/multipart/complete/"} {
				for _, query := range []string{"", "&fails=before", "&fails=behind", "&denied", "&login", "&moved"} {
					for _, name := range []string{"signature", "s%69gnature", "signature[]", "UPLOADCARE_SIGNATURE", "source_url=it's&signature", "x=\"<`>#&signature"} {
						request := repeated{method: method, target: path + "?pub_key=demopublickey&" + name + "=" + canaryOfClient + query}
						request.more = "Referer: http://" + gateway + request.target + "\r\nX-Forwarded-Uri: " + request.target + "\r\n"
						request.wire(t, gateway, gateway)
					}
				}
			}
			repeated{method: method, target: "/from_url/?signature=" + canaryOfClient}.wire(t, redirecting, redirecting)
		}
		// In forms, too, with every handler that fails, before the gateway and behind it.
		for _, query := range []string{"", "fails=before", "fails=behind", "denied", "login", "moved"} {
			for _, body := range []repeated{
				{target: "/base/", contentType: "multipart/form-data; boundary=" + boundary, body: formOf(key, field("signature", canaryOfClient), file("file", "meow"))},
				{target: "/iframe/", contentType: "multipart/form-data; boundary=" + boundary, body: formOf(key, field("UPLOADCARE_SIGNATURE", canaryOfClient), file("file", "meow"))},
				{target: "/from_url/", contentType: "application/x-www-form-urlencoded", body: "pub_key=demopublickey&source_url=x&signature=" + canaryOfClient},
			} {
				body.method, body.target = "POST", body.target+"?"+query
				body.wire(t, gateway, gateway)
			}
		}
		c.terminate()
		exits(t, c)
		return c.output.String()
	}
	if output := run("", "log\n"); !strings.Contains(output, canaryOfClient) {
		t.Error("without the filter it is shown nowhere")
	}
	global, site := withoutQueries(t)
	output := run(global, site)
	for _, line := range []string{"handled request", "it fails", "upstream roundtrip", "rewrote request", "=REDACTED", "https://login.example.com/?rd=REDACTED"} {
		if !strings.Contains(output, line) {
			t.Errorf("the output lacks %q", line)
		}
	}
	for name, canary := range map[string]string{"signature": canaryOfClient, "Authorization": canaryOfCaller} {
		if i := strings.Index(output, canary); i >= 0 {
			t.Errorf("a client's %s is shown: …%s", name, output[max(0, i-300):i+len(canary)])
		}
	}
}

// Invariant 8: without any filter, what the gateway and its proxy log of a request
// has no credential of the client's, whatever the method and the transport, and if
// what comes back is no response and quotes it. (Headers that repeat it are the
// client's own, and the README says so.)
func TestInvariant8GatewayLogsNoCredentialOfClients(t *testing.T) {
	canaries := newCanaries(t)
	upstream := startUpstream(t, repeater{canaries}.ServeHTTP).URL
	gateway := freeAddress(t)
	_, port, _ := strings.Cut(gateway, ":")
	var caddyfile string
	hosts := make([]string, 0, 4)
	for i, option := range []string{"verbose_logs", "transport http", "rewrite /v1{path}", "transport http\nrewrite /v1{path}"} {
		hosts = append(hosts, fmt.Sprintf("site%d.localhost:%s", i, port))
		caddyfile += strings.Replace(gatewayTo(hosts[i], upstream, option), "\tlog\n", "", 1)
	}
	c := startCaddy(t, caddyfile, canarySecret)
	for _, host := range hosts {
		for _, method := range []string{"GET", "HEAD", "POST", "post", "OPTIONS", "TRACE", "DELETE", "PUT"} {
			for _, path := range []string{"/from_url/", "/base/", "/info/"} {
				for _, name := range []string{"signature", "s%69gnature", "signature[]", "UPLOADCARE_SIGNATURE", "a;signature"} {
					repeated{method: method, target: path + "?pub_key=demopublickey&then=nothing&" + name + "=" + canaryOfClient}.wire(t, gateway, host)
				}
			}
		}
		for _, mode := range []string{"status", "no-http", "line", "length", "coding", "trailer", "interim-line"} {
			for _, method := range []string{"GET", "OPTIONS", "DELETE"} {
				for _, value := range []string{canaryOfClient, "%63" + canaryOfClient[1:]} {
					repeated{method: method, target: "/info/?then=" + mode + "&signature=" + value}.wire(t, gateway, host)
				}
			}
		}
	}
	c.terminate()
	exits(t, c)
	output := c.output.String()
	for _, line := range []string{"upstream roundtrip", "upload refused", "REDACTED"} {
		if !strings.Contains(output, line) {
			t.Errorf("the output lacks %q", line)
		}
	}
	if i := strings.Index(output, canaryOfClient); i >= 0 {
		t.Errorf("a client's signature is shown: …%s", output[max(0, i-300):i+len(canaryOfClient)])
	}
}
