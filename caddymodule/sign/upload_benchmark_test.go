// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// BenchmarkUpload is what an upload of 20 KiB costs, from the server to the
// proxy and back.
func BenchmarkUpload(b *testing.B) { benchmarkUpload(b, mustSign(b, onlyProject)) }

// BenchmarkUploadWithPolicy is the same with all rules of a policy.
func BenchmarkUploadWithPolicy(b *testing.B) {
	benchmarkUpload(b, withPolicy(b, `{"max_file_size":26214400,"types":["image/*","video/mp4",".pdf"],"from_url":["*.example.com"],
		"endpoints":["base","multipart","from_url","group"],"max_files":10,"metadata":{"user":"{http.request.header.Sec-Fetch-Mode}"},"store":"auto"}`))
}

func benchmarkUpload(b *testing.B, sign *Sign) {
	b.Helper()
	form := []byte(formOf(demoKey, file("file", "cat.jpg", "\xff\xd8\xff\xe0"+strings.Repeat("x", 20<<10))))
	body := bytes.NewReader(form)
	r := httptest.NewRequest(http.MethodPost, "/base/?jsonerrors=1", nil)
	r.ContentLength = int64(len(form))
	for name, value := range map[string]string{
		"Content-Type": "multipart/form-data; boundary=" + testBoundary, "Content-Length": "20900", "User-Agent": "Mozilla/5.0", "Accept": "*/*",
		"Accept-Encoding": "gzip, deflate, br", "Accept-Language": "en", "Origin": "https://www.example.com", "Referer": "https://www.example.com/", "X-Uc-User-Agent": "x",
		"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "empty",
	} {
		r.Header.Set(name, value)
	}
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), httptest.NewRecorder(), &caddyhttp.Server{})
	buf := make([]byte, 32<<10)
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		if trace := httptrace.ContextClientTrace(r.Context()); trace != nil {
			trace.GotConn(httptrace.GotConnInfo{})
		}
		for {
			if _, err := r.Body.Read(buf); err == io.EOF {
				break
			}
		}
		w.Header()["Content-Type"] = jsonType
		w.WriteHeader(http.StatusOK)
		_, err := w.Write(storedResponse)
		return err
	})
	w := &discardWriter{header: http.Header{"Server": {"Caddy"}, "Alt-Svc": {"h3"}}}
	b.ReportAllocs()
	for b.Loop() {
		body.Reset(form)
		again := *r
		again.Body = io.NopCloser(body)
		delete(again.Header, "Cdn-Loop")
		if err := sign.ServeHTTP(w, &again, next); err != nil {
			b.Fatal(err)
		}
	}
}

var (
	jsonType       = []string{"application/json"}
	storedResponse = []byte(`{"file":"bba1e8bc-3c69-4b3d-a9f6-f2ea4ee4ab45"}`)
)

// discardWriter is a client that reads nothing.
type discardWriter struct{ header http.Header }

func (d *discardWriter) EnableFullDuplex() error     { return nil }
func (d *discardWriter) Header() http.Header         { return d.header }
func (d *discardWriter) WriteHeader(int)             {}
func (d *discardWriter) Write(p []byte) (int, error) { return len(p), nil }
