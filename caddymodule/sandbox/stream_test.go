// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// pipedUpload is an upload that arrives as the test writes it.
type pipedUpload struct {
	writer   *io.PipeWriter
	recorder *httptest.ResponseRecorder
	done     chan error
}

func startUpload(f *fixture) *pipedUpload {
	reader, writer := io.Pipe()
	upload := &pipedUpload{writer: writer, recorder: httptest.NewRecorder(), done: make(chan error, 1)}
	r := streamRequest("/base/", reader)
	r.ContentLength = -1
	go func() {
		err := f.ServeHTTP(upload.recorder, r, nil)
		_ = reader.Close() // a handler that gave up must not block the test
		upload.done <- err
	}()
	return upload
}

// write returns when the handler has taken in all of text but its last byte:
// it asks for that one only when it is done with those before.
func (u *pipedUpload) write(t *testing.T, text string) {
	t.Helper()
	for _, piece := range []string{text[:max(len(text)-1, 0)], text[max(len(text)-1, 0):]} {
		if _, err := io.WriteString(u.writer, piece); err != nil {
			t.Fatalf("the handler stopped reading: %v", err)
		}
	}
}

func (u *pipedUpload) finish() error {
	_ = u.writer.Close()
	return <-u.done
}

func (u *pipedUpload) abort() error {
	_ = u.writer.CloseWithError(io.ErrUnexpectedEOF)
	return <-u.done
}

func isClientGone(err error) bool {
	failure, ok := errors.AsType[caddyhttp.HandlerError](err)
	return ok && failure.StatusCode == statusClientGone
}

func TestALargeUploadTakesNoMemory(t *testing.T) {
	const size = 64 << 20
	f := newFixture(t)
	before, after := formOf(signed()...), "\r\n--"+testBoundary+"--\r\n"
	before = strings.TrimSuffix(before, "--"+testBoundary+"--\r\n") + "--" + testBoundary + "\r\n" + file("file", "x.bin", "")
	sum := sha256.New()
	body := io.MultiReader(strings.NewReader(before), io.TeeReader(repeat(size), sum), strings.NewReader(after))
	r := streamRequest("/base/", body)

	var start, end runtime.MemStats
	runtime.ReadMemStats(&start)
	response := f.do(t, r)
	runtime.ReadMemStats(&end)

	if grown := end.TotalAlloc - start.TotalAlloc; grown > 1<<20 {
		t.Errorf("%d bytes were allocated for an upload of %d", grown, size)
	}
	content, err := os.Open(filepath.Join(f.root, uuidsOf(t, response)["file"], contentName))
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	stored := sha256.New()
	if n, err := io.Copy(stored, content); n != size || err != nil {
		t.Fatalf("read back %d bytes, %v", n, err)
	}
	if got, want := hex.EncodeToString(stored.Sum(nil)), hex.EncodeToString(sum.Sum(nil)); got != want {
		t.Errorf("stored bytes hash to %s, want %s", got, want)
	}
}

func TestAnUploadIsInvisibleUntilItIsAccepted(t *testing.T) {
	f := newFixture(t)
	upload := startUpload(f)
	form := formOf(append(signed(), aFile)...)
	upload.write(t, form[:len(form)-5])

	names := filesBelow(t, f.root)
	if len(names) == 0 {
		t.Fatal("nothing is on the disk yet, so the test shows nothing")
	}
	for _, name := range names {
		if !strings.HasPrefix(name, partialPrefix) {
			t.Errorf("%q is in the root before the upload is accepted", name)
		}
		id := strings.TrimPrefix(strings.Split(name, string(os.PathSeparator))[0], partialPrefix)
		if response := f.get(t, "/"+id+"/"); response.Code != http.StatusNotFound {
			t.Errorf("a file under way got %d", response.Code)
		}
	}
	upload.write(t, form[len(form)-5:])
	if err := upload.finish(); err != nil {
		t.Fatal(err)
	}
	ids := uuidsOf(t, upload.recorder)
	want := []string{ids["file"], filepath.Join(ids["file"], contentName), filepath.Join(ids["file"], infoName)}
	if got := filesBelow(t, f.root); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the root holds %q, want %q", got, want)
	}
}

func TestAnAbortLeavesNothingBehind(t *testing.T) {
	form := formOf(append(signed(), file("file", "x", strings.Repeat("x", 100<<10)), field("last", "x"))...)
	for _, tc := range []struct {
		name string
		sent int
	}{
		{"before the first byte", 0},
		{"in a field", 100},
		{"in the file", 64 << 10},
		{"behind the file", len(form) - 60},
		{"in the closing delimiter", len(form) - 6},
		{"behind the closing delimiter", len(form)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			upload := startUpload(f)
			upload.write(t, form[:tc.sent])
			if err := upload.abort(); !isClientGone(err) {
				t.Errorf("ServeHTTP returned %v, want a 499", err)
			}
			if upload.recorder.Body.Len() != 0 {
				t.Errorf("the handler wrote %q itself", upload.recorder.Body)
			}
			f.wantNothingKept(t)
		})
	}
}

func TestAClientThatHangsUpOnAServer(t *testing.T) {
	f := newFixture(t)
	done := make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		done <- f.ServeHTTP(w, r, nil)
	}))
	defer server.Close()
	connection, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	head := "POST /base/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n" +
		"Content-Type: multipart/form-data; boundary=" + testBoundary + "\r\n\r\n"
	whole := formOf(append(signed(), aFile)...) // a whole form, of a body that is not
	if _, err := io.WriteString(connection, head+whole); err != nil {
		t.Fatal(err)
	}
	if err := connection.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !isClientGone(err) {
		t.Errorf("ServeHTTP returned %v, want a 499", err)
	}
	f.wantNothingKept(t)
}

func TestAStatusFromBelowIsKept(t *testing.T) {
	f := newFixture(t)
	limited := caddyhttp.Error(http.StatusRequestEntityTooLarge, &http.MaxBytesError{Limit: 1}) // as request_body does
	err := f.ServeHTTP(httptest.NewRecorder(), streamRequest("/base/", iotest.ErrReader(limited)), nil)
	failure, ok := errors.AsType[caddyhttp.HandlerError](err)
	if !ok || failure.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("ServeHTTP returned %v, want the 413 of the reader", err)
	}
}
