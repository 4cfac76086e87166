// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

const partMinimum, multipartMinimum = 5 << 20, 10 << 20

// startParams asks for an upload of size bytes.
func startParams(size int, more ...string) url.Values {
	return signedParams("UPLOADCARE_PUB_KEY", append([]string{
		"filename", "big file.bin", "size", strconv.Itoa(size), "content_type", "application/octet-stream",
	}, more...)...)
}

func completeParams(id string) url.Values {
	return pairs("UPLOADCARE_PUB_KEY", testPublicKey, "uuid", id)
}

func (f *fixture) start(t *testing.T, size int, more ...string) multipartResponse {
	t.Helper()
	return decode[multipartResponse](t, f.post(t, "/multipart/start/", startParams(size, more...)))
}

func (f *fixture) putPart(t *testing.T, target string, content []byte) *httptest.ResponseRecorder {
	t.Helper()
	return f.do(t, httptest.NewRequest(http.MethodPut, target, bytes.NewReader(content)))
}

func TestAFileInParts(t *testing.T) {
	f := newFixture(t)
	content := make([]byte, multipartMinimum+7)
	_, _ = rand.Read(content)
	started := f.start(t, len(content), "UPLOADCARE_STORE", "1", "metadata[pet]", "cat")
	if len(started.Parts) != 3 {
		t.Fatalf("%d parts, want 3", len(started.Parts))
	}
	for _, number := range []int{3, 1, 2} { // in no order
		part := content[(number-1)*partMinimum : min(number*partMinimum, len(content))]
		if response := f.putPart(t, started.Parts[number-1], part); response.Code != 200 || response.Body.Len() != 0 {
			t.Fatalf("part %d = %d %s", number, response.Code, response.Body)
		}
	}
	wantRefusal(t, f.get(t, "/info/?pub_key="+testPublicKey+"&file_id="+started.UUID), uploadapi.ErrFileNotFound)

	info := decode[fileInfo](t, f.post(t, "/multipart/complete/", completeParams(started.UUID)))
	if info.UUID != started.UUID || info.Size != int64(len(content)) || info.OriginalFilename != "big file.bin" ||
		info.MIMEType != "application/octet-stream" || !info.IsStored || !info.IsReady || info.Metadata["pet"] != "cat" {
		t.Errorf("info = %+v", info)
	}
	if got := f.get(t, "/"+started.UUID+"/").Body.Bytes(); !bytes.Equal(got, content) {
		t.Error("the file is another one")
	}
	if used := f.used(t); used != int64(len(content)) {
		t.Errorf("%d bytes are counted, want %d", used, len(content))
	}
	wantRefusal(t, f.post(t, "/multipart/complete/", completeParams(started.UUID)), refusal(400, "MultipartFileAlreadyUploadedError", "File is already uploaded."))
	wantRefusal(t, f.putPart(t, started.Parts[0], content[:partMinimum]), errPartUnknown)
}

func TestPartSizesChosenByTheClient(t *testing.T) {
	f := newFixture(t)
	for partSize, want := range map[string]int{"": 4, "5242880": 4, "10485760": 2, "5368709120": 1} {
		if started := f.start(t, 2*multipartMinimum, "part_size", partSize); len(started.Parts) != want {
			t.Errorf("part_size %q: %d parts, want %d", partSize, len(started.Parts), want)
		}
	}
}

func TestRefusalsOfMultipartStart(t *testing.T) {
	const partSizeName = "Multipart Upload Part Size"
	with := func(name, value string) url.Values {
		values := startParams(multipartMinimum)
		values.Set(name, value)
		return values
	}
	without := func(name string) url.Values {
		values := startParams(multipartMinimum)
		values.Del(name)
		return values
	}
	f := newFixture(t, func(h *Handler) { h.MultipartLimit, h.StorageLimit = 30<<20, 20<<20 })
	for _, tc := range []struct {
		name   string
		values url.Values
		want   *uploadapi.Error
	}{
		{"no public key", without("UPLOADCARE_PUB_KEY"), refusal(403, "ProjectPublicKeyRequiredError", "UPLOADCARE_PUB_KEY is required.")},
		{"an unknown public key", with("UPLOADCARE_PUB_KEY", "x"), refusal(403, "ProjectPublicKeyInvalidError", "UPLOADCARE_PUB_KEY is invalid.")},
		{"no signature", without("signature"), refusal(400, "SignatureRequiredError", "`signature` is required.")},
		{"no expire", without("expire"), refusal(400, "SignatureExpirationRequiredError", "`expire` is required.")},
		{"a wrong signature", with("signature", "x"), refusal(403, "SignatureInvalidError", "Invalid signature.")},
		{"an expired signature", with("expire", "1"), refusal(403, "SignatureExpirationError", "Expired signature.")},
		{"milliseconds", with("expire", "1800000000000"), refusal(400, "SignatureExpirationInvalidError", "`expire` must be a UNIX timestamp.")},
		{"the iframe's signature", with("UPLOADCARE_SIGNATURE", ""), refusal(400, "SandboxStaleCredentialError", "`UPLOADCARE_SIGNATURE` has no place on /multipart/start/.")},
		{"no filename", without("filename"), refusal(400, "RequestParamRequiredError", "filename is required.")},
		{"no size", without("size"), refusal(400, "RequestParamRequiredError", "size is required.")},
		{"no content type", without("content_type"), refusal(400, "RequestParamRequiredError", "content_type is required.")},
		{"a size that is no number", with("size", "big"), refusal(400, "MultipartSizeInvalidError", "size should be integer.")},
		{"a size that is a fraction", with("size", "1e9"), refusal(400, "MultipartSizeInvalidError", "size should be integer.")},
		{"a size below the minimum", with("size", "10485759"), refusal(400, "MultipartFileSizeTooSmallError",
			"File size can not be less than 10485760 bytes. Please use direct upload instead of multipart.")},
		{"a size below zero", with("size", "-1"), refusal(400, "MultipartFileSizeTooSmallError",
			"File size can not be less than 10485760 bytes. Please use direct upload instead of multipart.")},
		{"a size over the limit", with("size", "31457281"), refusal(400, "MultipartFileSizeLimitExceededError", "File size exceeds project limit.")},
		{"a part size that is no number", with("part_size", "x"), refusal(400, "MultipartPartSizeInvalidError", partSizeName+" should be an integer.")},
		{"a part size below the minimum", with("part_size", "5242879"), refusal(400, "MultipartPartSizeTooSmallError", partSizeName+" can not be less than 5242880 bytes.")},
		{"a part size over the maximum", with("part_size", "5368709121"), refusal(400, "MultipartPartSizeTooBigError", partSizeName+" can not be more than 5368709120 bytes.")},
		{"metadata without a key", with("metadata[]", "x"), refusal(400, "FileMetadataKeyEmptyError", "File's metadata key can not be empty.")},
		{"a full disk", with("size", "20971521"), errAccountLimits},
	} {
		t.Run(tc.name, func(t *testing.T) {
			wantRefusal(t, f.post(t, "/multipart/start/", tc.values), tc.want)
			wantEnvelope(t, f.post(t, "/multipart/start/?jsonerrors=1", tc.values), tc.want)
			f.wantNothingKept(t)
		})
	}
	f.start(t, multipartMinimum, "content_type", "") // the widget's, for what it does not know
}

func TestRefusalsOfMultipartComplete(t *testing.T) {
	f := newFixture(t)
	under := f.start(t, multipartMinimum)
	if response := f.putPart(t, under.Parts[1], make([]byte, partMinimum)); response.Code != 200 {
		t.Fatal(response.Code)
	}
	direct := f.accepted(t, aFile)["file"]
	for _, tc := range []struct {
		name   string
		values url.Values
		want   *uploadapi.Error
	}{
		{"no public key", pairs("uuid", under.UUID), refusal(403, "ProjectPublicKeyRequiredError", "UPLOADCARE_PUB_KEY is required.")},
		{"an unknown public key", pairs("uuid", under.UUID, "UPLOADCARE_PUB_KEY", "x"), refusal(403, "ProjectPublicKeyInvalidError", "UPLOADCARE_PUB_KEY is invalid.")},
		{"no uuid", completeParams(""), refusal(400, "MultipartFileIdRequiredError", "uuid is required.")},
		{"a uuid that is none", completeParams("../x"), refusal(400, "UUIDInvalidError", "uuid is invalid.")},
		{"an unknown uuid", completeParams(unknownID), refusal(404, "MultipartFileNotFoundError", "File is not found.")},
		{"a file that came directly", completeParams(direct), refusal(400, "MultipartFileAlreadyUploadedError", "File is already uploaded.")},
		{"a part is missing", completeParams(under.UUID), refusal(400, "MultipartUploadSizeTooSmallError", "File size mismatch. Not all parts uploaded?")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			wantRefusal(t, f.post(t, "/multipart/complete/", tc.values), tc.want)
			wantEnvelope(t, f.post(t, "/multipart/complete/?jsonerrors=1", tc.values), tc.want)
		})
	}
}

func TestPartsOfTheWrongSize(t *testing.T) {
	f := newFixture(t)
	started := f.start(t, multipartMinimum+1)
	for number, sizes := range map[int][]int{1: {0, partMinimum - 1, partMinimum + 1}, 3: {0, 2, partMinimum}} {
		want := map[int]int{1: partMinimum, 3: 1}[number]
		for _, size := range sizes {
			for _, length := range []int64{int64(size), -1} {
				r := httptest.NewRequest(http.MethodPut, started.Parts[number-1], bytes.NewReader(make([]byte, size)))
				r.ContentLength = length
				wantRefusal(t, f.do(t, r), refusal(400, "SandboxPartSizeError", fmt.Sprintf("The part must have %d bytes.", want)))
			}
		}
	}
	wantRefusal(t, f.post(t, "/multipart/complete/", completeParams(started.UUID)), uploadapi.ErrMultipartPartsMissing)
}

func TestPartsThatAreNone(t *testing.T) {
	f := newFixture(t)
	started := f.start(t, multipartMinimum)
	path, query, _ := strings.Cut(strings.TrimPrefix(started.Parts[0], "http://example.com"), "?")
	for _, target := range []string{
		path, path + "?key=x",
		strings.TrimSuffix(path, "1") + "0?" + query, strings.TrimSuffix(path, "1") + "3?" + query, strings.TrimSuffix(path, "1") + "-1?" + query,
		"/parts/" + unknownID + "/1?" + query,
	} {
		wantRefusal(t, f.putPart(t, target, make([]byte, partMinimum)), errPartUnknown)
	}
	for _, target := range []string{"/parts/", "/parts/" + started.UUID, "/parts/x/1", path + "/2", "/parts/" + started.UUID + "/x"} {
		wantRefusal(t, f.putPart(t, target+"?"+query, nil), errNoEndpoint)
	}
}

func TestAPartThatBreaksOffCanBeSentAgain(t *testing.T) {
	f := newFixture(t)
	started := f.start(t, multipartMinimum)
	content := bytes.Repeat([]byte("x"), partMinimum)

	reader, writer := io.Pipe()
	r := httptest.NewRequest(http.MethodPut, started.Parts[0], reader)
	r.ContentLength = partMinimum
	done := make(chan error, 1)
	go func() { done <- f.ServeHTTP(httptest.NewRecorder(), r, nil) }()
	if _, err := writer.Write([]byte("yy")); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, f.putPart(t, started.Parts[0], content), errPartUnderWay)
	_ = writer.CloseWithError(io.ErrUnexpectedEOF)
	if err := <-done; !isClientGone(err) {
		t.Errorf("ServeHTTP returned %v, want a 499", err)
	}
	for _, part := range started.Parts {
		if response := f.putPart(t, part, content); response.Code != 200 {
			t.Fatalf("%d %s", response.Code, response.Body)
		}
	}
	decode[fileInfo](t, f.post(t, "/multipart/complete/", completeParams(started.UUID)))
	if got := f.get(t, "/"+started.UUID+"/").Body.Bytes(); !bytes.Equal(got, bytes.Repeat([]byte("x"), multipartMinimum)) {
		t.Error("the file holds what broke off")
	}
}

func TestAbandonedMultipartUploads(t *testing.T) {
	root := t.TempDir()
	option := func(h *Handler) { h.Root, h.StorageLimit = root, 25<<20 }
	first := newFixture(t, option)
	first.start(t, multipartMinimum)
	started := first.start(t, multipartMinimum)
	first.putPart(t, started.Parts[0], make([]byte, partMinimum))
	wantRefusal(t, first.post(t, "/multipart/start/", startParams(multipartMinimum)), errAccountLimits)
	if used := first.used(t); used != 2*multipartMinimum {
		t.Errorf("%d bytes are counted", used)
	}
	if err := first.Cleanup(); err != nil {
		t.Fatal(err)
	}

	second := newFixture(t, option)
	second.accepted(t, aFile)
	if used := second.used(t); used != int64(len("hello")) {
		t.Errorf("after a restart %d bytes are counted", used)
	}
	for _, name := range filesBelow(t, root) {
		if strings.HasPrefix(name, partialPrefix) {
			t.Errorf("%q is still there", name)
		}
	}
	wantRefusal(t, second.post(t, "/multipart/complete/", completeParams(started.UUID)), uploadapi.ErrMultipartNotFound)
}

func TestAMultipartUploadOutlivesAReload(t *testing.T) {
	root := t.TempDir()
	old := newFixture(t, func(h *Handler) { h.Root = root })
	started := old.start(t, multipartMinimum)
	next := newFixture(t, func(h *Handler) { h.Root = root })
	if err := old.Cleanup(); err != nil {
		t.Fatal(err)
	}
	for _, part := range started.Parts {
		if response := next.putPart(t, part, make([]byte, partMinimum)); response.Code != 200 {
			t.Fatalf("%d %s", response.Code, response.Body)
		}
	}
	decode[fileInfo](t, next.post(t, "/multipart/complete/", completeParams(started.UUID)))
}

func TestACompletionThatFailsLeavesNothingBehind(t *testing.T) {
	f := newFixture(t)
	started := f.start(t, multipartMinimum)
	for _, part := range started.Parts {
		f.putPart(t, part, make([]byte, partMinimum))
	}
	if err := os.Mkdir(filepath.Join(f.root, partialPrefix+started.UUID, infoName), 0o700); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, f.post(t, "/multipart/complete/", completeParams(started.UUID)), uploadapi.ErrInternal)
	f.wantNothingKept(t)
}

func TestPartsGoToTheSandboxItself(t *testing.T) {
	t.Run("at the address of the request", func(t *testing.T) {
		f := newFixture(t)
		server := f.serve(t)
		r := urlencodedRequest(server.URL+"/multipart/start/", startParams(multipartMinimum))
		r.RequestURI, r.Host = "", "upload.uploadcare.com" // as a gateway may say
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		if !strings.Contains(string(body), `"`+server.URL+"/parts/") {
			t.Fatalf("response %s does not lead to %s", body, server.URL)
		}
	})
	t.Run("at the public URL", func(t *testing.T) {
		f := newFixture(t, func(h *Handler) { h.PublicURL = "https://sandbox.example/below/" })
		if part := f.start(t, multipartMinimum).Parts[0]; !strings.HasPrefix(part, "https://sandbox.example/below/parts/") {
			t.Errorf("part %s", part)
		}
	})
}

func TestAPageMaySendParts(t *testing.T) {
	f := newFixture(t)
	part := f.start(t, multipartMinimum).Parts[0]
	for _, r := range []*http.Request{
		httptest.NewRequest(http.MethodOptions, part, nil),
		httptest.NewRequest(http.MethodPut, part, bytes.NewReader(make([]byte, partMinimum))),
	} {
		header := f.do(t, r).Header()
		if header.Get("Access-Control-Allow-Origin") != "*" || header.Get("Access-Control-Allow-Methods") != "PUT, OPTIONS" || header.Get("Access-Control-Allow-Headers") != "*" {
			t.Errorf("%s: %v", r.Method, header)
		}
	}
}

func TestALargePartTakesNoMemory(t *testing.T) {
	const size = 64 << 20
	f := newFixture(t)
	started := f.start(t, size, "part_size", strconv.Itoa(size))
	r := httptest.NewRequest(http.MethodPut, started.Parts[0], repeat(size))
	r.ContentLength = size
	var start, end runtime.MemStats
	runtime.ReadMemStats(&start)
	response := f.do(t, r)
	runtime.ReadMemStats(&end)
	if response.Code != http.StatusOK {
		t.Fatalf("response = %d %s", response.Code, response.Body)
	}
	if grown := end.TotalAlloc - start.TotalAlloc; grown > 1<<20 {
		t.Errorf("%d bytes were allocated for a part of %d", grown, size)
	}
	if info := decode[fileInfo](t, f.post(t, "/multipart/complete/", completeParams(started.UUID))); info.Size != size {
		t.Errorf("info = %+v", info)
	}
}

func TestTwoCompletionsAtOnce(t *testing.T) {
	f := newFixture(t)
	started := f.start(t, multipartMinimum)
	for _, part := range started.Parts {
		f.putPart(t, part, make([]byte, partMinimum))
	}
	var completed atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			recorder := httptest.NewRecorder()
			if err := f.ServeHTTP(recorder, urlencodedRequest("/multipart/complete/", completeParams(started.UUID)), nil); err != nil {
				t.Errorf("ServeHTTP: %v", err)
			}
			switch {
			case recorder.Code == http.StatusOK:
				completed.Add(1)
			case recorder.Body.String() != "File is already uploaded.":
				t.Errorf("response = %d %s", recorder.Code, recorder.Body)
			}
		})
	}
	group.Wait()
	if completed.Load() != 1 {
		t.Errorf("%d completions, want 1", completed.Load())
	}
}
