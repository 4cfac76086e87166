// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/rawtest"
)

func startUpstream(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

// gatewayTo returns a gateway to an upstream of the test's own.
func gatewayTo(gateway, upstream, options string) string {
	return fmt.Sprintf("http://%s {\n\tbind 127.0.0.1\n\tlog\n\tuploadcare {\n\t\tproject demopublickey {\n\t\t\tsecret_key {env.CANARY_SECRET}\n\t\t\tcallers anyone\n\t\t}\n\t\tupstream %s\n\t\t%s\n\t}\n}\n",
		gateway, upstream, options)
}

const canarySecret = "CANARY_SECRET=canary-of-a-secret"

// Invariants 1, 2 and 3, to the byte: what reaches the upstream is what the
// client sent, crossed out and completed, with an exact length.
func TestInvariants1To3OnTheWire(t *testing.T) {
	type arrival struct {
		body   string
		length int64
		coding []string
		header http.Header
		host   string
		uri    string
	}
	arrivals := make(chan arrival, 1)
	upstream := startUpstream(t, func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		arrivals <- arrival{string(body), r.ContentLength, r.TransferEncoding, r.Header, r.Host, r.RequestURI}
	})
	gateway := freeAddress(t)
	startCaddy(t, gatewayTo(gateway, upstream.URL, ""), canarySecret)

	sent := formOf(field("signature", "old"), file("file", photo), key, field("expire", "1"))
	crossedOut := strings.TrimSuffix(formOf(field("xxxxxxxxx", "xxx"), file("file", photo), key, field("xxxxxx", "x")), "--"+boundary+"--\r\n")
	fresh := regexp.MustCompile("^" +
		"--" + boundary + "\r\nContent-Disposition: form-data; name=\"signature\"\r\n\r\n[0-9a-f]{64}\r\n" +
		"--" + boundary + "\r\nContent-Disposition: form-data; name=\"expire\"\r\n\r\n[0-9]{10}\r\n" +
		"--" + boundary + "--\r\n$")
	for framing, reader := range map[string]io.Reader{
		"with a length": strings.NewReader(sent), "chunked": struct{ io.Reader }{strings.NewReader(sent)},
	} {
		t.Run(framing, func(t *testing.T) {
			request := newUpload(t, "http://"+gateway+"//base?a=%20b&signature=old&jsonerrors=1", reader)
			request.Header.Set("Cookie", "session=1")
			request.Header.Set("Authorization", "Bearer site")
			request.Header.Set("X-UC-User-Agent", "legacy/1.0")
			_ = readAll(t, do(t, http.DefaultClient, request))
			got := receive(t, "the upload arrives", arrivals)
			if rest, same := strings.CutPrefix(got.body, crossedOut); !same || !fresh.MatchString(rest) {
				t.Errorf("got %q", got.body)
			}
			if framing == "chunked" && (got.length != -1 || len(got.coding) != 1) || framing != "chunked" && got.length != int64(len(got.body)) {
				t.Errorf("length %d, transfer coding %v, %d bytes", got.length, got.coding, len(got.body))
			}
			if got.header.Get("Cookie")+got.header.Get("Authorization") != "" || got.header.Get("X-UC-User-Agent") != "legacy/1.0" {
				t.Errorf("header %v", got.header)
			}
			if got.uri != "/base/?a=%20b&jsonerrors=1" {
				t.Errorf("URI %s", got.uri)
			}
			if got.host != "127.0.0.1" {
				t.Errorf("Host %s", got.host)
			}
		})
	}
}

// Invariant 7, on the wire: of an upload that cannot be signed, no complete
// request reaches the upstream.
func TestInvariant7NothingCompleteGoesOutUnsigned(t *testing.T) {
	received := make(chan string, 1)
	// Takes whatever comes until the connection ends, and never responds.
	upstream := rawtest.Serve(t, func(connection net.Conn, _ int) {
		_ = connection.SetReadDeadline(time.Now().Add(30 * time.Second))
		data, _ := io.ReadAll(connection)
		_ = connection.Close()
		received <- string(data)
	})
	gateway := freeAddress(t)
	startCaddy(t, gatewayTo(gateway, "http://"+upstream, "max_fails 1\n\t\tfail_duration 1m"), canarySecret)

	large := file("file", strings.Repeat("0123456789abcdef", 8<<10))
	whole := formOf(large, key)
	tests := map[string]struct {
		form   string
		status int
	}{
		"an unknown key, last": {formOf(large, field("UPLOADCARE_PUB_KEY", "other")), 403},
		"no key":               {formOf(large), 403},
		"cut off":              {whole[:len(whole)-len(boundary)], 400},
		"bare line feeds":      {strings.Replace(whole, "\r\n--"+boundary+"--", "\n--"+boundary+"--", 1), 400},
		"a hidden credential":  {formOf(large, part("Content-ID: signature", "x"), key), 400},
		"two keys":             {formOf(key, large, field("UPLOADCARE_PUB_KEY", "other")), 400},
	}
	for name, test := range tests {
		for framing, reader := range map[string]io.Reader{
			"with a length": strings.NewReader(test.form), "chunked": struct{ io.Reader }{strings.NewReader(test.form)},
		} {
			t.Run(name+"/"+framing, func(t *testing.T) {
				// max_fails 1: were the client's fault held against the
				// upstream, the next upload would get 503.
				response := do(t, http.DefaultClient, newUpload(t, "http://"+gateway+"/base/", reader))
				if body := readAll(t, response); response.StatusCode != test.status || body == "" {
					t.Errorf("response %d %q, want %d", response.StatusCode, body, test.status)
				}
				got := receive(t, "the upload ends at the upstream", received)
				if strings.Contains(got, "--"+boundary+"--") || strings.HasSuffix(got, "\r\n0\r\n\r\n") {
					t.Errorf("what went out looks complete: it ends in %q", got[max(0, len(got)-200):])
				}
				if strings.Contains(got, `name="signature"`) {
					t.Error("a credential went out")
				}
			})
		}
	}
}

// Invariant 8: no secret, signature or JWT in any log, error, metric, trace, or
// admin response.
func TestInvariant8NothingSecretIsShown(t *testing.T) {
	secret := "canary-of-a-secret"
	signatures := make(chan string, 10)
	upstream := startUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			signatures <- r.URL.Query().Get("signature")
		} else if r.ParseMultipartForm(1<<20) == nil { // else an upload that was refused
			signatures <- r.MultipartForm.Value["signature"][0]
		}
		http.Error(w, "Invalid signature.", http.StatusForbidden)
	})
	gateway, failing := freeAddress(t), freeAddress(t)
	secretFile := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secretFile, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// One gateway has its secret from the environment, the other, whose
	// upstream is down, from a file.
	c := startCaddy(t, gatewayTo(gateway, upstream.URL, "verbose_logs")+
		strings.ReplaceAll(gatewayTo(failing, "http://"+freeAddress(t), ""), "{env.CANARY_SECRET}", "{file."+secretFile+"}"), canarySecret)
	var shown strings.Builder
	for _, form := range []string{
		formOf(key, file("file", "meow")), formOf(key, field("expire", "1")), formOf(field("UPLOADCARE_PUB_KEY", "other")), formOf(key)[:100],
	} {
		for _, address := range []string{gateway, failing} {
			shown.WriteString(readAll(t, do(t, http.DefaultClient, newUpload(t, "http://"+address+"/base/", strings.NewReader(form)))))
		}
	}
	// With a credential in the query, the client's and the gateway's.
	for _, address := range []string{gateway, failing} {
		for _, target := range []string{"/from_url/?pub_key=demopublickey&signature=canary-of-a-client&expire=1", "/group/?pub_key=other&signature=canary-of-a-client"} {
			response, err := http.Get("http://" + address + target)
			if err != nil {
				t.Fatal(err)
			}
			shown.WriteString(readAll(t, response))
		}
	}
	signature, inQuery := receive(t, "a form arrives", signatures), receive(t, "a query arrives", signatures)
	if len(signature) != 64 || len(inQuery) != 64 {
		t.Fatalf("no signature arrived: %q, %q", signature, inQuery)
	}
	for _, path := range []string{"/config/", "/metrics", "/reverse_proxy/upstreams", "/debug/pprof/cmdline", "/debug/pprof/goroutine?debug=2"} {
		shown.WriteString(c.get(path))
	}
	eventually(t, "the log is written", func() bool { return strings.Contains(c.output.String(), "signing upload") })
	shown.WriteString(c.output.String())
	for name, canary := range map[string]string{"secret": secret, "signature": signature, "signature in a query": inQuery} {
		if i := strings.Index(shown.String(), canary); i >= 0 {
			t.Errorf("the %s is shown: …%s", name, shown.String()[max(0, i-200):i+len(canary)])
		}
	}
}

// Invariant 10, in part: an upstream that responds before the body is through is
// heard.
func TestInvariant10AnEarlyResponseReachesTheClient(t *testing.T) {
	upstream := rawtest.Serve(t, func(connection net.Conn, _ int) {
		_, _ = connection.Read(make([]byte, 4096))
		_, _ = io.WriteString(connection, "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nearly")
		<-t.Context().Done()
	})
	gateway := freeAddress(t)
	startCaddy(t, gatewayTo(gateway, "http://"+upstream, ""), canarySecret)
	form := formOf(key, file("file", photo))
	response := do(t, http.DefaultClient, newUpload(t, "http://"+gateway+"/base/", trickle(form, 20, 100*time.Millisecond)))
	if body := readAll(t, response); response.StatusCode != http.StatusRequestEntityTooLarge || body != "early" {
		t.Errorf("response %d %q", response.StatusCode, body)
	}
}

// A client that goes away is not logged as an upstream fault, nor counted as one.
func TestAClientThatGoesAwayIsNotTheUpstreamsFault(t *testing.T) {
	begun, arrived := make(chan struct{}, 10), make(chan error, 10)
	upstream := startUpstream(t, func(_ http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		_, err := io.Copy(io.Discard, r.Body)
		arrived <- err
	})
	gateway := freeAddress(t)
	c := startCaddy(t, gatewayTo(gateway, upstream.URL, "max_fails 1\n\t\tfail_duration 1m"), canarySecret)
	form := formOf(file("file", photo), key)
	for framing, head := range map[string]string{
		"with a length": fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(form), form[:len(form)/2]),
		"chunked":       fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s", len(form), form[:len(form)/2]),
	} {
		connection, err := net.Dial("tcp", gateway)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(connection, "POST /base/ HTTP/1.1\r\nHost: %s\r\nContent-Type: multipart/form-data; boundary=%s\r\n%s", gateway, boundary, head)
		receive(t, framing+": the upload reaches the upstream", begun)
		_ = connection.Close()
		if err := receive(t, framing+": the upload ends at the upstream", arrived); err == nil {
			t.Errorf("%s: half an upload arrived as a whole", framing)
		}
	}
	response := do(t, http.DefaultClient, newUpload(t, "http://"+gateway+"/base/", strings.NewReader(form)))
	if body := readAll(t, response); response.StatusCode != http.StatusOK {
		t.Errorf("the next upload got %d %q", response.StatusCode, body)
	}
	eventually(t, "the abort is logged", func() bool { return strings.Contains(c.output.String(), `"status":400`) })
	for line := range strings.SplitSeq(c.output.String(), "\n") {
		if strings.Contains(line, `"level":"error"`) || strings.Contains(line, `"level":"warn"`) && strings.Contains(line, "uploadcare") {
			t.Errorf("logged: %s", line)
		}
	}
}

// What other directives refuse before the gateway, error routes put into the
// client's dialect; and they respond for the gateway, with all it knows.
func TestErrorRoutesOfTheDocumentsRespond(t *testing.T) {
	_, after, _ := strings.Cut(documented(t, "docs/errors.md", "handle_errors"), "\thandle_errors {")
	routes := "\thandle_errors {" + after
	gateway := freeAddress(t)
	site := strings.TrimSuffix(gatewayTo(gateway, startUpstream(t, swallow).URL, ""), "}\n")
	startCaddy(t, site+"\t@stranger query stranger=1\n\tbasic_auth @stranger {\n\t\teditor "+hashed+"\n\t}\n"+
		"\trequest_body {\n\t\tmax_size 1KiB\n\t}\n"+routes, canarySecret)
	large := formOf(key, file("file", strings.Repeat("x", 2000)))
	other := formOf(field("UPLOADCARE_PUB_KEY", "other"))
	for name, test := range map[string]struct {
		form, query string
		status      int
		body        string
	}{
		"large":          {large, "", 413, "The size of the request is too large."},
		"large, JSON":    {large, "?jsonerrors=1", 200, `{"error":{"status_code":413,"content":"The size of the request is too large.","error_code":"RequestSizeLimitExceededError"}}`},
		"other":          {other, "", 403, "UPLOADCARE_PUB_KEY is invalid."},
		"stranger":       {other, "?stranger=1", 401, "Unauthorized"},
		"stranger, JSON": {other, "?stranger=1&jsonerrors=1", 401, "Unauthorized"},
		"other, JSON":    {other, "?jsonerrors=1", 200, `{"error":{"status_code":403,"content":"UPLOADCARE_PUB_KEY is invalid.","error_code":"ProjectPublicKeyInvalidError"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			response := do(t, http.DefaultClient, newUpload(t, "http://"+gateway+"/base/"+test.query, strings.NewReader(test.form)))
			if body := readAll(t, response); response.StatusCode != test.status || body != test.body || response.Header.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("response %d %s", response.StatusCode, body)
			}
		})
	}
}
