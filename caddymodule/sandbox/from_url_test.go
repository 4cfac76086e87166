// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// newFetchFixture returns a handler on a port and a source on another, which it
// may fetch from.
func newFetchFixture(t *testing.T, source http.HandlerFunc, change ...func(*Handler)) (f *fixture, sandbox, from string) {
	t.Helper()
	f = newFixture(t, append(change, func(h *Handler) { h.AllowPrivateSources = true })...)
	server := httptest.NewServer(source)
	t.Cleanup(server.Close)
	return f, f.serve(t).URL, server.URL
}

// fetchAt asks a sandbox to fetch and returns the token.
func fetchAt(t *testing.T, sandbox string, more ...string) string {
	t.Helper()
	status, body := send(t, http.MethodGet, sandbox+"/from_url/?"+signedParams("pub_key", more...).Encode(), nil)
	var response tokenResponse
	if err := json.Unmarshal([]byte(body), &response); err != nil || status != 200 || response.Type != "token" || !isID(response.Token) {
		t.Fatalf("response = %d %s", status, body)
	}
	return response.Token
}

// outcome polls until a fetch is done one way or the other.
func outcome(t *testing.T, sandbox, token string) map[string]any {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		status, body := send(t, http.MethodGet, sandbox+"/from_url/status/?token="+token, nil)
		var response map[string]any
		if err := json.Unmarshal([]byte(body), &response); err != nil || status != 200 {
			t.Fatalf("response = %d %s", status, body)
		}
		if response["status"] != "waiting" && response["status"] != "progress" {
			return response
		}
	}
	t.Fatal("the fetch does not end")
	return nil
}

func TestAFileFromAURL(t *testing.T) {
	f, sandbox, from := newFetchFixture(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/named":
			w.Header().Set("Content-Disposition", `attachment; filename="from header.txt"`)
		case "/named-oddly":
			w.Header().Set("Content-Disposition", `attachment;filename="we"ird.txt"`)
		}
		fmt.Fprint(w, "fetched")
	})
	for _, tc := range []struct {
		name, path, want string
		more             []string
	}{
		{"the name in the URL", "/a/b%20c.txt?signature=inner", "b c.txt", nil},
		{"the name in the header", "/named", "from header.txt", nil},
		{"a name with quotes in the header", "/named-oddly", `we"ird.txt`, nil},
		{"the client's name", "/named", "mine.txt", []string{"filename", "mine.txt"}},
		{"no name", "/", "file", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			token := fetchAt(t, sandbox, append(tc.more, "source_url", from+tc.path, "store", "1", "metadata[pet]", "cat")...)
			got := outcome(t, sandbox, token)
			id, _ := got["uuid"].(string)
			if got["status"] != "success" || got["original_filename"] != tc.want || got["is_stored"] != true || got["size"] != 7.0 || fmt.Sprint(got["metadata"]) != "map[pet:cat]" {
				t.Errorf("status = %v", got)
			}
			if body := f.get(t, "/"+id+"/").Body.String(); body != "fetched" {
				t.Errorf("stored %q", body)
			}
		})
	}
	if used := f.used(t); used != 5*7 {
		t.Errorf("%d bytes are counted", used)
	}
}

func TestEncodingsOfFromURL(t *testing.T) {
	f, sandbox, from := newFetchFixture(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "x") })
	for name, request := range encodings {
		t.Run(name, func(t *testing.T) {
			for _, target := range []string{"/from_url/", "/from_url", "//from_url//"} {
				r := request("/", signedParams("pub_key", "source_url", from))
				r.URL.Path = target
				response := decode[tokenResponse](t, f.do(t, r))
				if got := outcome(t, sandbox, response.Token); got["status"] != "success" {
					t.Errorf("%s: %v", target, got)
				}
			}
		})
	}
}

func TestProgressOfAFetch(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	f, _, from := newFetchFixture(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		fmt.Fprint(w, "hello")
		w.(http.Flusher).Flush()
		close(arrived)
		<-release
		fmt.Fprint(w, "world")
	})
	source, _ := url.Parse(from)
	held := f.store(t)
	job := new(fetch)
	held.addFetch(unknownID, job)
	status := func() string { return f.get(t, "/from_url/status/?token="+unknownID).Body.String() }
	if got := status(); got != `{"status":"waiting"}` {
		t.Errorf("before: %s", got)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.runFetch(t.Context(), held, job, fetchOrder{source: source, allowed: reach{private: true}})
	}()
	<-arrived
	for !strings.Contains(status(), `"done":5`) {
		time.Sleep(time.Millisecond)
	}
	if got := status(); got != `{"status":"progress","total":10,"done":5}` {
		t.Errorf("under way: %s", got)
	}
	close(release)
	<-done
	if got := status(); !strings.HasPrefix(got, `{"status":"success","uuid":"`) {
		t.Errorf("behind: %s", got)
	}
}

func TestFetchesThatFail(t *testing.T) {
	f, sandbox, from := newFetchFixture(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/404", "/503":
			var status int
			_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
			w.WriteHeader(status)
		case "/304":
			w.WriteHeader(http.StatusNotModified)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/ftp":
			http.Redirect(w, r, "ftp://example.com/", http.StatusFound)
		case "/large":
			w.Header().Set("Content-Length", "101")
		case "/much":
			fmt.Fprint(w, strings.Repeat("x", 61))
		case "/short":
			w.Header().Set("Content-Length", "50")
			fmt.Fprint(w, "x")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case "/hang":
			<-r.Context().Done()
		}
	}, func(h *Handler) { h.RequestLimit, h.StorageLimit = 100, 60 })
	f.fetchTimeout = time.Second
	for path, want := range map[string][2]string{
		"/404":   {"HTTP client error: 404.", "DownloadFileHTTPClientError"},
		"/503":   {"HTTP server error: 503.", "DownloadFileHTTPServerError"},
		"/304":   {"Failed to download the file.", "DownloadFileError"},
		"/loop":  {"Too many redirects.", "URLRedirectsLimitExceededError"},
		"/ftp":   {"Invalid URL scheme.", "URLSchemeInvalidError"},
		"/large": {"Downloaded file is too big: 101 > 100.", "DownloadFileSizeLimitExceededError"},
		"/much":  {"Account has reached its limits.", "AccountLimitsExceededError"},
		"/short": {"HTTP network error: unexpected EOF.", "DownloadFileHTTPNetworkError"},
		"/hang":  {"Failed to download the file within the allotted time limit of 1 seconds.", "DownloadFileTimeLimitExceededError"},
	} {
		t.Run(path, func(t *testing.T) {
			got := outcome(t, sandbox, fetchAt(t, sandbox, "source_url", from+path))
			if got["status"] != "error" || got["error"] != want[0] || got["error_code"] != want[1] || len(got) != 3 {
				t.Errorf("status = %v, want %v", got, want)
			}
			f.wantNothingKept(t)
		})
	}
}

func TestTheSizeOfAFetchIsBounded(t *testing.T) {
	_, sandbox, from := newFetchFixture(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, strings.Repeat("x", 50))
		w.(http.Flusher).Flush() // of unknown length
		fmt.Fprint(w, strings.Repeat("x", 51))
	}, func(h *Handler) { h.RequestLimit = 100 })
	got := outcome(t, sandbox, fetchAt(t, sandbox, "source_url", from))
	if got["error"] != "Downloaded file is too big: 101 > 100." {
		t.Errorf("status = %v", got)
	}
}

func TestAFetchEndsWithItsConfiguration(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan struct{})
	f, sandbox, from := newFetchFixture(t, func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
		close(ended)
	})
	next := newFixture(t, func(h *Handler) { h.Root = f.root })
	token := fetchAt(t, sandbox, "source_url", from)
	<-begun
	if err := f.Cleanup(); err != nil {
		t.Fatal(err)
	}
	<-ended
	want := `{"status":"error","error":"download task failed.","error_code":"DownloadFileTaskFailedError"}`
	if got := next.get(t, "/from_url/status/?token="+token).Body.String(); got != want {
		t.Errorf("status = %s", got)
	}
	// A request that is still running when its configuration has ended.
	token = fetchAt(t, sandbox, "source_url", from)
	if got := next.get(t, "/from_url/status/?token="+token).Body.String(); got != want {
		t.Errorf("status = %s", got)
	}
	if holds, _ := stores.References(f.root); holds != 1 {
		t.Errorf("the store is held %d times, want 1", holds)
	}
}

func TestFetchesWaitForTheirTurn(t *testing.T) {
	f := newFixture(t)
	for range maxFetches {
		f.fetchSlots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	job := new(fetch)
	f.runFetch(ctx, f.store(t), job, fetchOrder{})
	if got := job.report(); got != (failureResponse{"error", "download task failed.", "DownloadFileTaskFailedError"}) {
		t.Errorf("report = %v", got)
	}
}

func TestURLDuplicates(t *testing.T) {
	var fetched atomic.Int64
	_, sandbox, from := newFetchFixture(t, func(w http.ResponseWriter, _ *http.Request) {
		fetched.Add(1)
		fmt.Fprint(w, "x")
	})
	ask := func(more ...string) string {
		_, body := send(t, http.MethodGet, sandbox+"/from_url/?"+signedParams("pub_key", append(more, "source_url", from)...).Encode(), nil)
		return body
	}
	outcome(t, sandbox, fetchAt(t, sandbox, "source_url", from))
	outcome(t, sandbox, fetchAt(t, sandbox, "source_url", from, "check_URL_duplicates", "1", "save_URL_duplicates", "0"))
	known := outcome(t, sandbox, fetchAt(t, sandbox, "source_url", from, "check_URL_duplicates", "1")) // and saves
	if got := ask("check_URL_duplicates", "1"); !strings.HasPrefix(got, `{"type":"file_info","uuid":"`+known["uuid"].(string)+`"`) {
		t.Errorf("response = %s, want the file %v", got, known["uuid"])
	}
	newer := outcome(t, sandbox, fetchAt(t, sandbox, "source_url", from, "save_URL_duplicates", "1"))
	if got := ask("check_URL_duplicates", "1"); !strings.Contains(got, newer["uuid"].(string)) {
		t.Errorf("response = %s, want the newer file %v", got, newer["uuid"])
	}
	if fetched.Load() != 4 {
		t.Errorf("%d fetches, want 4", fetched.Load())
	}
}

func TestRefusalsOfFromURL(t *testing.T) {
	f := newFixture(t)
	source := func(text string) url.Values { return signedParams("pub_key", "source_url", text) }
	bare := source("http://example.com/")
	bare.Del("pub_key")
	unsigned := source("http://example.com/")
	unsigned.Del("signature")
	private := refusal(400, "URLHostPrivateIPForbiddenError", "Only public IPs are allowed.")
	for _, tc := range []struct {
		name   string
		values url.Values
		want   *uploadapi.Error
	}{
		{"no public key", bare, refusal(403, "ProjectPublicKeyRequiredError", "pub_key is required.")},
		{"the public key under another endpoint's name", signedParams("UPLOADCARE_PUB_KEY"), refusal(403, "ProjectPublicKeyRequiredError", "pub_key is required.")},
		{"no signature", unsigned, refusal(400, "SignatureRequiredError", "`signature` is required.")},
		{"no source", signedParams("pub_key"), refusal(400, "SourceURLRequiredError", "source_url is required.")},
		{"no URL", source("http://a b/"), refusal(400, "URLParsingFailedError", "Failed to parse URL.")},
		{"no scheme", source("example.com/x"), refusal(400, "URLSchemeRequiredError", "No URL scheme supplied.")},
		{"another scheme", source("ftp://example.com/x"), refusal(400, "URLSchemeInvalidError", "Invalid URL scheme.")},
		{"no host", source("http:///x"), refusal(400, "URLHostRequiredError", "No URL host supplied.")},
		{"a malformed host", source("http://a..b/"), refusal(400, "URLHostMalformedError", "URL host is malformed.")},
		{"an unknown host", source("http://nowhere.invalid/"), refusal(400, "HostnameNotFoundError", "Host does not exist.")},
		{"loopback", source("http://127.0.0.1/"), private},
		{"loopback by name", source("http://localhost/"), private},
		{"loopback in IPv6", source("http://[::1]:9/"), private},
		{"loopback in IPv6's IPv4", source("http://[::ffff:127.0.0.1]/"), private},
		{"a private network", source("https://10.1.2.3/"), private},
		{"the cloud's metadata", source("http://169.254.169.254/latest"), private},
		{"metadata's value is too long", signedParams("pub_key", "source_url", "http://example.com", "metadata[a]", strings.Repeat("x", 513)), refusal(400,
			"FileMetadataValueLengthTooBigError", "Value of file metadata's key `a` can not be more than 512 symbols in length.")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			wantRefusal(t, f.post(t, "/from_url/", tc.values), tc.want)
			wantEnvelope(t, f.get(t, "/from_url/?jsonerrors=1&"+tc.values.Encode()), tc.want)
		})
	}
}

func TestRefusalsOfFromURLStatus(t *testing.T) {
	f := newFixture(t)
	required := refusal(400, "TokenRequiredError", "token is required.")
	wantRefusal(t, f.get(t, "/from_url/status/"), required)
	wantEnvelope(t, f.get(t, "/from_url/status/?token=&jsonerrors=1"), required)
	if got := f.get(t, "/from_url/status/?token="+unknownID); got.Code != 200 || got.Body.String() != `{"status":"unknown"}` {
		t.Errorf("an unknown token: %d %s", got.Code, got.Body)
	}
}

// Old SDKs for Python and Ruby ask by POST.
func TestWaysOfAskingForAFetch(t *testing.T) {
	f := newFixture(t)
	f.store(t).addFetch(unknownID, new(fetch))
	for name, request := range encodings {
		t.Run("POST "+name, func(t *testing.T) {
			for _, target := range []string{"/from_url/status/", "/from_url/status", "//from_url//status"} {
				r := request("/", pairs("token", unknownID, "pub_key", testPublicKey))
				r.URL.Path = target
				if response := f.do(t, r); response.Code != 200 || response.Body.String() != `{"status":"waiting"}` {
					t.Errorf("%s = %d %s", target, response.Code, response.Body)
				}
			}
		})
	}
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		r := httptest.NewRequest(method, "/from_url/status/?token="+unknownID, nil)
		if response := f.do(t, r); response.Code != 200 || response.Header().Get("Content-Length") != "20" {
			t.Errorf("%s = %d %s", method, response.Code, response.Body)
		}
	}
	wantRefusal(t, f.do(t, bodyRequest("/from_url/status/", "text/plain", "token="+unknownID)), errParserFailed)
}

// Without AllowPrivateSources, no private address but the sandbox's may be fetched from.
func TestTheSandboxFetchesFromItself(t *testing.T) {
	for name, public := range map[string]bool{"at the address of the request": false, "at its public URL": true} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			sandbox := f.serve(t).URL
			if public {
				f.publicURL = sandbox
			}
			id := f.accepted(t, aFile)["file"]
			got := outcome(t, sandbox, fetchAt(t, sandbox, "source_url", sandbox+"/"+id+"/"))
			if got["status"] != "success" || got["original_filename"] != "hello.txt" {
				t.Errorf("status = %v", got)
			}
		})
	}
}

func TestARedirectIntoAPrivateNetworkIsNotFollowed(t *testing.T) {
	private := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the private server was asked") }))
	defer private.Close()
	redirect := httptest.NewServer(http.RedirectHandler(private.URL, http.StatusFound))
	defer redirect.Close()
	f := newFixture(t)
	f.publicURL = redirect.URL // so that the first step is allowed
	sandbox := f.serve(t).URL
	got := outcome(t, sandbox, fetchAt(t, sandbox, "source_url", redirect.URL))
	if got["error_code"] != "URLHostPrivateIPForbiddenError" {
		t.Errorf("status = %v", got)
	}
}

func TestFailuresOfTheDiskAndOfTheNetwork(t *testing.T) {
	f := newFixture(t)
	live := t.Context()
	late, cancelLate := context.WithTimeout(live, -1)
	defer cancelLate()
	ended, end := context.WithCancel(live)
	end()
	for _, tc := range []struct {
		ctx  context.Context
		err  error
		want string
	}{
		{live, fmt.Errorf("%w: gone", errStorage), "Internal server error."},
		{live, errStorageFull, "Account has reached its limits."},
		{live, &url.Error{Op: "Get", URL: "http://user:secret@example.com/", Err: errors.New("refused")}, "HTTP network error: refused."},
		{live, &url.Error{Err: context.DeadlineExceeded}, "HTTP network error: context deadline exceeded."},
		{live, &url.Error{Err: &net.OpError{Err: uploadapi.ErrURLHostPrivate}}, "Only public IPs are allowed."},
		{late, &url.Error{Err: context.DeadlineExceeded}, "Failed to download the file within the allotted time limit of 300 seconds."},
		{ended, &url.Error{Err: context.Canceled}, "download task failed."},
	} {
		if got := f.explainFetch(tc.ctx, tc.err); got.Message != tc.want {
			t.Errorf("%v is reported as %q, want %q", tc.err, got, tc.want)
		}
	}
	if f.logs.FilterMessage("storage failed").Len() != 1 {
		t.Errorf("log = %v", f.logs.All())
	}
}

func TestAFetchOntoADiskThatFails(t *testing.T) {
	f, sandbox, from := newFetchFixture(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "x") })
	if err := os.RemoveAll(f.root); err != nil {
		t.Fatal(err)
	}
	if got := outcome(t, sandbox, fetchAt(t, sandbox, "source_url", from)); got["error_code"] != "DownloadFileInternalServerError" {
		t.Errorf("status = %v", got)
	}
}
