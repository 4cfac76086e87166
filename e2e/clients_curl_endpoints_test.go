// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestCurlUploadsDirectly(t *testing.T) {
	s, sent := startSite(t, ""), newFile(t, 3*mebibyte)
	for _, path := range []string{"/base/", "/base", "//base//"} {
		request := func() curlRequest {
			return curlRequest{http.MethodPost, path, asMultipart, []string{"UPLOADCARE_PUB_KEY=" + publicKey, "UPLOADCARE_STORE=1"}, sent.path, ""}
		}
		tryCurl(t, s, request, func(t *testing.T, _ curlRequest, response string) {
			t.Helper()
			s.checkStored(t, uuidOf(t, response), sent)
		})
	}
}

// The legacy widget reads nothing of the response, and asks for the file by an
// id that it made itself.
func TestCurlUploadsAsTheLegacyIframe(t *testing.T) {
	s, sent := startSite(t, ""), newFile(t, mebibyte)
	request := func() curlRequest {
		fields := []string{"UPLOADCARE_PUB_KEY=" + publicKey, "UPLOADCARE_FILE_ID=" + newID(), "UPLOADCARE_STORE="}
		return curlRequest{http.MethodPost, "/iframe/", asMultipart, fields, sent.path, "UPLOADCARE_"}
	}
	tryCurl(t, s, request, func(t *testing.T, r curlRequest, _ string) {
		t.Helper()
		s.checkStored(t, strings.TrimPrefix(r.fields[1], "UPLOADCARE_FILE_ID="), sent)
	})
}

func newID() string {
	var id [16]byte
	_, _ = rand.Read(id[:])
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

func TestCurlUploadsInParts(t *testing.T) {
	s, sent := startSite(t, ""), newFile(t, multipartMinimum+123)
	fields := []string{
		"filename=a&b.bin", "size=" + strconv.Itoa(len(sent.content)), "content_type=application/octet-stream",
		"UPLOADCARE_PUB_KEY=" + publicKey, "part_size=" + strconv.Itoa(multipartPart),
	}
	for _, encoding := range []string{asMultipart, asURLEncoded} {
		request := func() curlRequest {
			return curlRequest{http.MethodPost, "/multipart/start/", encoding, fields, "", ""}
		}
		tryCurl(t, s, request, func(t *testing.T, r curlRequest, response string) {
			t.Helper()
			var begun struct {
				UUID  string
				Parts []string
			}
			parse(t, response, &begun)
			putParts(t, begun.Parts, sent)
			complete := curlRequest{http.MethodPost, "/multipart/complete/", r.encoding, []string{"uuid=" + begun.UUID, "UPLOADCARE_PUB_KEY=" + publicKey}, "", ""}
			if status, response := curl(t, complete.arguments(s.gateway, false, false)...); status != http.StatusOK {
				t.Fatalf("complete: %d %s", status, response)
			}
			s.checkStored(t, begun.UUID, sent)
		})
	}
}

// putParts sends the parts of a file to where the service wants them.
func putParts(t *testing.T, urls []string, sent sentFile) {
	t.Helper()
	if want := (len(sent.content) + multipartPart - 1) / multipartPart; len(urls) != want {
		t.Fatalf("%d parts, want %d", len(urls), want)
	}
	part := filepath.Join(t.TempDir(), "part")
	for i, address := range urls {
		content := sent.content[i*multipartPart : min((i+1)*multipartPart, len(sent.content))]
		if err := os.WriteFile(part, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if status, response := curl(t, "-T", part, "-H", "Content-Type: application/octet-stream", address); status/100 != 2 {
			t.Fatalf("part %d: %d %s", i, status, response)
		}
	}
}

func TestCurlUploadsFromURL(t *testing.T) {
	s, sent := startSite(t, ""), newFile(t, mebibyte)
	// The source's URL has parameters of its own with the names of a credential.
	source := s.sandbox + "/" + s.upload(t, sent) + "/?signature=of-the-source&expire=1"
	fields := []string{"pub_key=" + publicKey, "source_url=" + source, "store=auto", "filename=a b.bin"}
	for _, request := range []curlRequest{
		{http.MethodPost, "/from_url/", asMultipart, fields, "", ""},
		{http.MethodPost, "/from_url/", asURLEncoded, fields, "", ""},
		{http.MethodPost, "/from_url/", asQuery, fields, "", ""},
		{http.MethodPost, "/from_url", asQueryJSON, fields, "", ""},
		{http.MethodGet, "/from_url/", asQuery, fields, "", ""},
	} {
		tryCurl(t, s, func() curlRequest { return request }, func(t *testing.T, _ curlRequest, response string) {
			t.Helper()
			s.checkStored(t, s.fromURLDone(t, response), sent)
		})
	}
}

func TestCurlMakesGroups(t *testing.T) {
	s, first, second := startSite(t, ""), newFile(t, mebibyte), newFile(t, 1000)
	ids := []string{s.upload(t, first), s.upload(t, second)}
	numbered := []string{"files[0]=" + ids[0], "files[1]=" + ids[1], "pub_key=" + publicKey}
	listed := []string{"pub_key=" + publicKey, "files[]=" + ids[0], "files[]=" + ids[1]}
	for _, request := range []curlRequest{
		{http.MethodPost, "/group/", asMultipart, listed, "", ""},
		{http.MethodPost, "/group/", asURLEncoded, numbered, "", ""},
		{http.MethodPost, "/group//", asURLEncoded, listed, "", ""},
		{http.MethodPost, "/group/", asQuery, numbered, "", ""},
		{http.MethodPost, "/group", asQueryJSON, listed, "", ""},
		{http.MethodGet, "/group/", asQuery, listed, "", ""},
	} {
		tryCurl(t, s, func() curlRequest { return request }, func(t *testing.T, _ curlRequest, response string) {
			t.Helper()
			var group struct{ ID string }
			parse(t, response, &group)
			s.checkGroup(t, group.ID, ids...)
		})
	}
}

// Endpoints that need no signature respond through the gateway as they do without it.
func TestCurlAsksUnsignedEndpoints(t *testing.T) {
	s, sent := startSite(t, ""), newFile(t, mebibyte)
	id := s.upload(t, sent)
	status, response := curl(t, "-F", "pub_key="+publicKey, "-F", "files[]="+id, s.gateway+"/group/")
	var group struct{ ID string }
	parse(t, response, &group)
	if status != http.StatusOK || group.ID == "" {
		t.Fatalf("group: %d %s", status, response)
	}
	for _, request := range []struct{ method, target, body string }{
		{http.MethodGet, "/info/?pub_key=" + publicKey + "&file_id=" + id, ""},
		{http.MethodGet, "/info?pub_key=" + publicKey + "&file_id=" + newID(), ""},
		{http.MethodGet, "/group/info/?pub_key=" + publicKey + "&group_id=" + group.ID, ""},
		{http.MethodGet, "/from_url/status/?token=" + newID(), ""},
		{http.MethodPost, "/from_url/status/", "token=" + newID()}, // as old SDKs for Python and Ruby do
	} {
		path, _, _ := strings.Cut(request.target, "?")
		t.Run(request.method+" "+path, func(t *testing.T) {
			tried(t, "curl", request.method+" "+path, "base URL")
			arguments := []string{"-X", request.method}
			if request.body != "" {
				arguments = append(arguments, "-d", request.body)
			}
			wantStatus, want := curl(t, append(arguments, s.sandbox+request.target)...)
			if wantStatus == http.StatusMethodNotAllowed {
				t.Errorf("the sandbox has no %s", request.method)
			}
			if status, response := curl(t, append(arguments, s.gateway+request.target)...); status != wantStatus || response != want {
				t.Errorf("%d %s\nwant %d %s", status, response, wantStatus, want)
			}
		})
	}
}

// A body whose length is not declared is found too large while it streams.
func TestCurlHasTheErrorOfAnOversizedBody(t *testing.T) {
	s, sent := startSite(t, "\trequest_body {\n\t\tmax_size 2MiB\n\t}\n"), newFile(t, 24*mebibyte)
	for name, expect := range expectations {
		t.Run(name, func(t *testing.T) {
			tried(t, "curl, "+name, "error: oversized chunked body, /base/", "base URL")
			status, response := curl(t, "-H", expect, "-H", "Transfer-Encoding: chunked", "-F", "UPLOADCARE_PUB_KEY="+publicKey, "-F", "file=@"+sent.path, s.gateway+"/base/")
			if status != http.StatusRequestEntityTooLarge || response != "The size of the request is too large." {
				t.Errorf("%d %s", status, response)
			}
		})
	}
}
