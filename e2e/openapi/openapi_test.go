// SPDX-License-Identifier: Apache-2.0

package openapi

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	unknownID = "0b1c3a5e-6f0d-4c8e-9a1b-2c3d4e5f6071"
	mebibyte  = 1 << 20

	base     = "/base/"
	start    = "/multipart/start/"
	part     = "/<presigned-url-x>"
	complete = "/multipart/complete/"
	fromURL  = "/from_url/"
	status   = "/from_url/status/"
	info     = "/info/"
	group    = "/group/"
	groupOf  = "/group/info/"
)

// Every response that the document describes.
func TestTheSandboxRespondsAsDocumented(t *testing.T) {
	c := &checker{loadDocument(t), make(map[responseKey]bool)}
	if err := validateDocument(c.document); err != nil {
		t.Fatalf("the document itself: %v", err)
	}
	at := startCaddy(t)
	id := c.uploadDirectly(t, at)
	c.askForInfo(t, at, id)
	c.uploadInParts(t, at)
	c.uploadFromURL(t, at)
	c.followFetches(t, at)
	c.makeGroups(t, at, id)
	c.checkCoverage(t)
	for _, left := range beyond {
		t.Logf("not in the document: %s", left)
	}
}

// onePixel is a PNG, for image_info.
func onePixel(t *testing.T) string {
	t.Helper()
	decoded, err := base64.StdEncoding.DecodeString("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
	if err != nil {
		t.Fatal(err)
	}
	return string(decoded)
}

// uploadDirectly returns the uuid of an image.
func (c *checker) uploadDirectly(t *testing.T, at sandboxes) string {
	t.Helper()
	file := entry{"file", "a.txt", "hello"}
	good := signed("UPLOADCARE_PUB_KEY", file)
	c.checkForm(t, base, at.ample+base, good)
	c.checkKey(t, base, "UPLOADCARE_PUB_KEY", form, at.ample+base, good)
	c.checkSigned(t, base, at, good)
	c.checkMetadata(t, base, at.ample+base, good)
	c.check(t, base, form(t, at.ample+base, signed("UPLOADCARE_PUB_KEY")), refused(400, "Request does not contain files."))
	c.check(t, base, form(t, at.small+base, signed("UPLOADCARE_PUB_KEY", entry{"file", "a", strings.Repeat("x", 61)})), refused(403, "Account has reached its limits."))
	c.check(t, base, form(t, at.small+base, signed("UPLOADCARE_PUB_KEY", entry{"file", "a", strings.Repeat("x", 5<<10)})), refused(413, "The size of the request is too large."))

	body := c.check(t, base, form(t, at.ample+base, signed("UPLOADCARE_PUB_KEY", file, entry{"image", "a.png", onePixel(t)}, text("metadata[pet]", "cat"))), expectation{status: 200})
	var ids map[string]string
	if err := json.Unmarshal(body, &ids); err != nil || len(ids) != 2 {
		t.Fatalf("response %s: %v", body, err)
	}
	c.check(t, info, query(t, at.ample+info, "pub_key", publicKey, "file_id", ids["file"]), expectation{status: 200, schema: "fileUploadInfo"})
	return ids["image"]
}

func (c *checker) askForInfo(t *testing.T, at sandboxes, id string) {
	t.Helper()
	target := at.ample + info
	c.check(t, info, query(t, target, "pub_key", publicKey, "file_id", id), expectation{status: 200, schema: "fileUploadInfo"})
	for want, request := range map[expectation]*http.Request{
		refused(400, "file_id is required."):             query(t, target, "pub_key", publicKey),
		refused(400, "file_id is invalid."):              query(t, target, "pub_key", publicKey, "file_id", "x"),
		refused(400, "Null characters are not allowed."): query(t, target, "pub_key", publicKey, "file_id", "\x00"),
		refused(403, "pub_key is required."):             query(t, target, "file_id", id),
		refused(403, "pub_key is invalid."):              query(t, target, "pub_key", "x", "file_id", id),
		refused(404, "File is not found."):               query(t, target, "pub_key", publicKey, "file_id", unknownID),
	} {
		c.check(t, info, request, want)
	}
}

func (c *checker) uploadInParts(t *testing.T, at sandboxes) {
	t.Helper()
	target := at.ample + start
	good := signed("UPLOADCARE_PUB_KEY", text("filename", "a.bin"), text("size", strconv.Itoa(11*mebibyte)), text("content_type", "a/b"), text("part_size", strconv.Itoa(6*mebibyte)))
	c.checkForm(t, start, target, good)
	c.checkKey(t, start, "UPLOADCARE_PUB_KEY", form, target, good)
	c.checkSigned(t, start, at, good)
	c.checkMetadata(t, start, target, good)
	partSize := "Multipart Upload Part Size "
	for want, entries := range map[expectation][]entry{
		refused(400, "filename is required."):                                                                         without("filename", good),
		refused(400, "size should be integer."):                                                                       with("size", "big", good),
		refused(400, partSize+"should be an integer."):                                                                with("part_size", "big", good),
		refused(400, partSize+"can not be less than 5242880 bytes."):                                                  with("part_size", "1", good),
		refused(400, partSize+"can not be more than 5368709120 bytes."):                                               with("part_size", "5368709121", good),
		refused(400, "File size can not be less than 10485760 bytes. Please use direct upload instead of multipart."): with("size", "1", good),
	} {
		c.check(t, start, form(t, target, entries), want)
	}
	c.check(t, start, form(t, at.small+start, with("size", strconv.Itoa(21*mebibyte), good)), refused(400, "File size exceeds project limit."))
	c.check(t, start, form(t, at.small+start, good), refused(403, "Account has reached its limits."))
	c.completeParts(t, at, c.check(t, start, form(t, target, good), expectation{status: 200}))
}

func (c *checker) completeParts(t *testing.T, at sandboxes, started []byte) {
	t.Helper()
	var upload struct {
		UUID  string
		Parts []string
	}
	if err := json.Unmarshal(started, &upload); err != nil || len(upload.Parts) != 2 {
		t.Fatalf("response %s: %v", started, err)
	}
	target := at.ample + complete
	good := []entry{text("UPLOADCARE_PUB_KEY", publicKey), text("uuid", upload.UUID)}
	c.checkForm(t, complete, target, good)
	c.checkKey(t, complete, "UPLOADCARE_PUB_KEY", form, target, good)
	c.check(t, complete, form(t, target, without("uuid", good)), refused(400, "uuid is required."))
	c.check(t, complete, form(t, target, with("uuid", "x", good)), refused(400, "uuid is invalid."))
	c.check(t, complete, form(t, target, with("uuid", unknownID, good)), refused(404, "File is not found."))
	c.check(t, complete, form(t, target, good), refused(400, "File size mismatch. Not all parts uploaded?"))
	for i, size := range []int{6 * mebibyte, 5 * mebibyte} {
		c.check(t, part, newRequest(t, http.MethodPut, upload.Parts[i], "application/octet-stream", bytes.NewReader(make([]byte, size))), expectation{status: 200})
	}
	c.check(t, complete, form(t, target, good), expectation{status: 200, schema: "fileUploadInfo"})
	c.check(t, complete, form(t, target, good), refused(400, "File is already uploaded."))
}

func (c *checker) uploadFromURL(t *testing.T, at sandboxes) {
	t.Helper()
	target := at.ample + fromURL
	good := signed("pub_key", text("source_url", at.ample+"/"))
	c.checkForm(t, fromURL, target, good)
	c.checkKey(t, fromURL, "pub_key", form, target, good)
	c.checkSigned(t, fromURL, at, good)
	c.checkMetadata(t, fromURL, target, good)
	for source, want := range map[string]string{
		"":                        "source_url is required.",
		"http://a b/":             "Failed to parse URL.",
		"example.com":             "No URL scheme supplied.",
		"ftp://example.com/":      "Invalid URL scheme.",
		"http:///x":               "No URL host supplied.",
		"http://nowhere.invalid/": "Host does not exist.",
		"http://a..b/":            "URL host is malformed.",
	} {
		c.check(t, fromURL, form(t, target, with("source_url", source, good)), refused(400, want))
	}
	c.check(t, fromURL, form(t, at.small+fromURL, with("source_url", "http://10.0.0.1/", good)), refused(400, "Only public IPs are allowed."))
}

// source is what the sandbox fetches from: a file, nothing, or one that does
// not end until release is closed.
func source(release chan struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/file":
			fmt.Fprint(w, "hello")
		case "/endless":
			w.Header().Set("Content-Length", "10")
			fmt.Fprint(w, "hello")
			w.(http.Flusher).Flush()
			<-release
		default:
			http.NotFound(w, r)
		}
	}
}

func (c *checker) followFetches(t *testing.T, at sandboxes) {
	t.Helper()
	release := make(chan struct{})
	server := httptest.NewServer(source(release))
	defer server.Close()
	defer close(release)
	fetch := func(path string, more ...entry) string {
		entries := signed("pub_key", append(more, text("source_url", server.URL+path))...)
		body := c.check(t, fromURL, form(t, at.ample+fromURL, entries), expectation{status: 200, schema: "fromURLUploadResponseSchema"})
		var response struct{ Token string }
		if err := json.Unmarshal(body, &response); err != nil {
			t.Fatal(err)
		}
		return response.Token
	}
	c.checkStatus(t, at, fetch("/file", text("save_URL_duplicates", "1")), "success", "fileUploadInfoSuccessStatus")
	again := signed("pub_key", text("source_url", server.URL+"/file"), text("check_URL_duplicates", "1"))
	c.check(t, fromURL, form(t, at.ample+fromURL, again), expectation{status: 200, schema: "fileUploadInfoFromURL"})
	c.checkStatus(t, at, fetch("/nothing"), "error", "fileUploadInfoErrorStatus")
	c.checkStatus(t, at, unknownID, "unknown", "fileUploadInfoUnknownStatus")
	for range 8 { // as many as run side by side
		c.checkStatus(t, at, fetch("/endless"), "progress", "fileUploadInfoProgressStatus")
	}
	c.checkStatus(t, at, fetch("/file"), "waiting", "fileUploadInfoWaitingStatus")
	c.check(t, status, query(t, at.ample+status), refused(400, "token is required."))
}

// checkStatus polls until a fetch has the wanted status.
func (c *checker) checkStatus(t *testing.T, at sandboxes, token, want, schema string) {
	t.Helper()
	target := query(t, at.ample+status, "token", token).URL.String()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		response, err := http.Get(target)
		if err != nil {
			t.Fatal(err)
		}
		var progress struct{ Status string }
		err = json.NewDecoder(response.Body).Decode(&progress)
		_ = response.Body.Close()
		if err == nil && progress.Status == want {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("status %q, want %q", progress.Status, want)
		}
	}
	c.check(t, status, newRequest(t, http.MethodGet, target, "", nil), expectation{status: 200, schema: schema})
}

func (c *checker) makeGroups(t *testing.T, at sandboxes, id string) {
	t.Helper()
	target := at.ample + group
	good := signed("pub_key", text("files[]", id), text("files[]", id+"/-/resize/x800/"))
	c.checkForm(t, group, target, good)
	c.checkKey(t, group, "pub_key", form, target, good)
	c.checkCredential(t, group, at.ample+group, good)
	c.check(t, group, form(t, target, without("files[]", good)), refused(400, "No files[N] parameters found."))
	c.check(t, group, form(t, target, with("files[]", "x", good)), refused(400, "This is not valid file url: x."))
	c.check(t, group, form(t, target, with("files[]", unknownID, good)), refused(400, "Some files not found."))
	c.check(t, group, form(t, at.small+group, with("files[]", c.uploadSmall(t, at), good)), refused(403, "Account has reached its limits."))

	var made struct{ ID string }
	if err := json.Unmarshal(c.check(t, group, form(t, target, good), expectation{status: 200, schema: "groupInfo"}), &made); err != nil {
		t.Fatal(err)
	}
	ask := at.ample + groupOf
	for want, request := range map[expectation]*http.Request{
		{status: 200, schema: "groupInfo"}:               query(t, ask, "pub_key", publicKey, "group_id", made.ID),
		refused(400, "group_id is required."):            query(t, ask, "pub_key", publicKey),
		refused(400, "Null characters are not allowed."): query(t, ask, "pub_key", publicKey, "group_id", "\x00"),
		refused(403, "pub_key is required."):             query(t, ask, "group_id", made.ID),
		refused(403, "pub_key is invalid."):              query(t, ask, "pub_key", "x", "group_id", made.ID),
		refused(404, "group_id is invalid."):             query(t, ask, "pub_key", publicKey, "group_id", unknownID+"~1"),
	} {
		c.check(t, groupOf, request, want)
	}
}

// uploadSmall fills the small sandbox, so that there is no room for a group.
func (c *checker) uploadSmall(t *testing.T, at sandboxes) string {
	t.Helper()
	body := c.check(t, base, form(t, at.small+base, signed("UPLOADCARE_PUB_KEY", entry{"file", "a", "hello"})), expectation{status: 200})
	var ids map[string]string
	if err := json.Unmarshal(body, &ids); err != nil {
		t.Fatal(err)
	}
	return ids["file"]
}
