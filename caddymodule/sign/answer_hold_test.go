// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// serveHTTP runs a handler over HTTP, before one that answers once it has read
// the body.
func serveHTTP(t *testing.T, sign *Sign, respond func(http.ResponseWriter)) *httptest.Server {
	t.Helper()
	return startServer(t, sign, func(w http.ResponseWriter, r *http.Request) error {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return err
		}
		respond(w)
		return nil
	})
}

func postForm(t *testing.T, server *httptest.Server, query string) *http.Response {
	t.Helper()
	response, err := http.Post(server.URL+"/base/"+query, "multipart/form-data; boundary="+testBoundary, strings.NewReader(formOf(demoKey)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

// Invariant 10: what cannot be a rejection reaches the client as it comes.
func TestInvariant10AnswersAreNotHeldBack(t *testing.T) {
	tests := map[string]struct {
		status             int
		contentType, query string
		begin              string
	}{
		"a file":                     {200, "application/json", "?jsonerrors=1", `{"file"`},
		"a file called error":        {200, "application/json", "?jsonerrors=1", `{"error":"`},
		"a page":                     {200, "text/html", "?jsonerrors=1", `{"error"`},
		"a refusal that is no text":  {403, "text/html", "", `Invalid`},
		"a refusal of another kind":  {413, "text/plain", "", `Invalid`},
		"a refusal that is too long": {403, "text/plain", "", strings.Repeat("x", uploadapi.MaxRejectionSize+1)},
		"an error of the server":     {500, "text/plain", "", `Invalid`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			seen := make(chan bool)
			server := serveHTTP(t, mustSign(t, onlyProject), func(w http.ResponseWriter) {
				w.Header().Set("Content-Type", test.contentType)
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.begin)
				_ = http.NewResponseController(w).Flush()
				<-seen // the end does not come before the client has the beginning
				_, _ = io.WriteString(w, "the end")
			})
			response := postForm(t, server, test.query)
			begin := make([]byte, len(test.begin))
			_, err := io.ReadFull(response.Body, begin)
			close(seen)
			rest, _ := io.ReadAll(response.Body)
			if err != nil || response.StatusCode != test.status || string(begin) != test.begin || string(rest) != "the end" {
				t.Errorf("answer %d %q%q, %v", response.StatusCode, begin, rest, err)
			}
		})
	}
}

// What is held back arrives byte for byte, however it was written.
func TestInvariant10AnswersThatWereHeldBackArrive(t *testing.T) {
	const metadata = `{"error":"bba1e8bc","metadata":{"a":"{\"error\":{\"error_code\":\"SignatureInvalidError\"}}"}}`
	writes := map[string]func(w http.ResponseWriter, text string){
		"at once": func(w http.ResponseWriter, text string) { _, _ = io.WriteString(w, text) },
		"by the byte": func(w http.ResponseWriter, text string) {
			for i := range text {
				_, _ = io.WriteString(w, text[i:i+1])
				_ = http.NewResponseController(w).Flush()
			}
		},
		"from a reader": func(w http.ResponseWriter, text string) {
			if n, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader(text)); n != int64(len(text)) || err != nil {
				t.Errorf("%d bytes, %v", n, err)
			}
		},
	}
	for name, test := range map[string]struct {
		status      int
		contentType string
		body        string
	}{
		"a refusal":                       {403, "text/plain; charset=utf-8", "Account has been blocked."},
		"metadata that look like one":     {200, "application/json", metadata},
		"a large answer that looks so":    {200, "application/json", `{"error":"` + strings.Repeat("x", 3*uploadapi.MaxRejectionSize) + `"}`},
		"a large refusal":                 {400, "text/plain", strings.Repeat("x", 3*uploadapi.MaxRejectionSize)},
		"a refusal at the limit":          {400, "text/plain", strings.Repeat("x", uploadapi.MaxRejectionSize)},
		"a refusal, a byte above":         {400, "text/plain", strings.Repeat("x", uploadapi.MaxRejectionSize+1)},
		"a refusal without a body":        {401, "text/plain", ""},
		"an envelope of another kind":     {200, "application/json", `{"error":{"status_code":400,"content":"x","error_code":"FilesRequiredError"}}`},
		"a file":                          {200, "application/json", `{"file":"bba1e8bc-3c69-4b3d-a9f6-f2ea4ee4ab45"}`},
		"white space that goes on and on": {200, "application/json", strings.Repeat(" ", 2*uploadapi.MaxRejectionSize) + "{}"},
	} {
		for way, write := range writes {
			t.Run(name+"/"+way, func(t *testing.T) {
				server := serveHTTP(t, mustSign(t, onlyProject), func(w http.ResponseWriter) {
					w.Header().Set("Content-Type", test.contentType)
					w.Header().Set("X-Answer", "first")
					w.WriteHeader(test.status)
					write(w, test.body)
					w.Header().Set(http.TrailerPrefix+"X-Trailer", "last")
				})
				response := postForm(t, server, "?jsonerrors=1")
				body, err := io.ReadAll(response.Body)
				if err != nil || response.StatusCode != test.status || string(body) != test.body || response.Header.Get("X-Answer") != "first" {
					t.Errorf("answer %d, %d bytes, %v", response.StatusCode, len(body), err)
				}
				if response.TransferEncoding != nil && response.Trailer.Get("X-Trailer") != "last" {
					t.Errorf("trailer %v", response.Trailer)
				}
			})
		}
	}
}

// An answer that is compressed cannot be read; one that announces trailers must
// not have them among its headers.
func TestAnswersThatCannotBeHeldArePassedOn(t *testing.T) {
	for name, header := range map[string]string{"Content-Encoding": "br", "Trailer": "X-Trailer", "Content-Length": "5000"} {
		t.Run(name, func(t *testing.T) {
			client, status := httptest.NewRecorder(), 0
			err := mustSign(t, onlyProject).ServeHTTP(client, uploadRequest(formOf(demoKey)), caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
				_, err := io.Copy(io.Discard, r.Body)
				w.Header().Set(name, header)
				w.Header().Set("Content-Type", "text/plain")
				w.WriteHeader(http.StatusForbidden)
				status = client.Code
				return err
			}))
			if err != nil || status != http.StatusForbidden {
				t.Errorf("it is held back: %d, %v", status, err)
			}
		})
	}
}

// An answer that breaks off while it is held back breaks off at the client too,
// after what has come of it.
func TestInvariant10AnAnswerThatBreaksOffArrivesInPart(t *testing.T) {
	server := serveHTTP(t, mustSign(t, onlyProject), func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "Invalid signature")
		_ = http.NewResponseController(w).Flush() // as the proxy does, before it panics
		panic(http.ErrAbortHandler)
	})
	response := postForm(t, server, "")
	body, err := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusForbidden || string(body) != "Invalid signature" || err == nil {
		t.Errorf("answer %d %q, %v", response.StatusCode, body, err)
	}
}

// Informational answers pass, whatever follows.
func TestInformationalAnswersPassAnAnswerThatIsHeld(t *testing.T) {
	server := serveHTTP(t, mustSign(t, onlyProject), func(w http.ResponseWriter) {
		w.Header().Set("Link", "</style.css>")
		w.WriteHeader(http.StatusEarlyHints)
		uploadapi.ErrAccountLimits.Write(w, uploadRequest(""))
	})
	got := rawUpload(t, server)
	if !strings.HasPrefix(got, "HTTP/1.1 103 Early Hints\r\n") || !strings.Contains(got, "HTTP/1.1 403 Forbidden\r\n") || !strings.HasSuffix(got, "\r\n\r\nAccount has reached its limits.") {
		t.Errorf("got %q", got)
	}
}

// rawUpload returns what a server answers, to the byte.
func rawUpload(t *testing.T, server *httptest.Server) string {
	t.Helper()
	connection, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(30 * time.Second))
	form := formOf(demoKey)
	fmt.Fprintf(connection, "POST /base/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=%s\r\nContent-Length: %d\r\n\r\n%s", testBoundary, len(form), form)
	got, err := io.ReadAll(bufio.NewReader(connection))
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}
