// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// iframeFields returns what every accepted upload through an iframe has.
func iframeFields(id string) []string {
	expire := strconv.Itoa(testNow + 60)
	return []string{
		publicKey,
		field("UPLOADCARE_SIGNATURE", token.Sign(testSecretKey, expire)),
		field("UPLOADCARE_EXPIRE", expire),
		field("UPLOADCARE_FILE_ID", id),
	}
}

func TestAnUploadThroughAnIframe(t *testing.T) {
	f := newFixture(t)
	response := f.do(t, uploadRequest("/iframe", formOf(append(iframeFields(strings.ToUpper(unknownID)), aFile)...)))
	if response.Code != 200 || response.Header().Get("Content-Type") != "text/html; charset=utf-8" || !strings.HasPrefix(response.Body.String(), "<!DOCTYPE html>") {
		t.Errorf("response = %d %v %s", response.Code, response.Header(), response.Body)
	}
	info := decode[fileInfo](t, f.get(t, "/info/?pub_key="+testPublicKey+"&file_id="+unknownID))
	if info.UUID != unknownID || info.FileID != unknownID || info.OriginalFilename != "hello.txt" {
		t.Errorf("info = %+v", info)
	}
	if got := f.get(t, "/"+unknownID+"/").Body.String(); got != "hello" {
		t.Errorf("stored %q", got)
	}
	again := uploadRequest("/iframe/", formOf(append(iframeFields(unknownID), aFile)...))
	wantRefusal(t, f.do(t, again), refusal(400, "UploadcareFileIdDuplicatedError", "UPLOADCARE_FILE_ID is duplicated. You are probably a lottery winner."))
	if used := f.used(t); used != int64(len("hello")) {
		t.Errorf("%d bytes are counted", used)
	}
}

func TestRefusalsOfIframe(t *testing.T) {
	valid := iframeFields(unknownID)
	without := func(name string) []string {
		var parts []string
		for _, part := range append(valid, aFile) {
			if !strings.Contains(part, `"`+name+`"`) {
				parts = append(parts, part)
			}
		}
		return parts
	}
	for _, tc := range []struct {
		name  string
		parts []string
		want  *uploadapi.Error
	}{
		{"no public key", without("UPLOADCARE_PUB_KEY"), refusal(403, "ProjectPublicKeyRequiredError", "UPLOADCARE_PUB_KEY is required.")},
		{"no signature", without("UPLOADCARE_SIGNATURE"), refusal(400, "SignatureRequiredError", "`signature` is required.")},
		{"no expire", without("UPLOADCARE_EXPIRE"), refusal(400, "SignatureExpirationRequiredError", "`expire` is required.")},
		{"the signature of other endpoints", append(signed(), valid[3], aFile), refusal(400, "SandboxStaleCredentialError", "`signature` has no place on /iframe/.")},
		{"a stale signature beside the right one", append([]string{field("signature", ""), aFile}, valid...), refusal(400, "SandboxStaleCredentialError", "`signature` has no place on /iframe/.")},
		{"two signatures", append([]string{valid[1], aFile}, valid...), refusal(400, "SandboxDuplicateCredentialError", "`UPLOADCARE_SIGNATURE` was sent more than once.")},
		{"no uuid", without("UPLOADCARE_FILE_ID"), refusal(400, "UploadcareFileIdRequiredError", "UPLOADCARE_FILE_ID is required.")},
		{"a uuid that is none", append(iframeFields("../x"), aFile), refusal(400, "UploadcareFileIdInvalidError", "UPLOADCARE_FILE_ID should be a valid UUID.")},
		{"a uuid in another form", append(iframeFields("urn:uuid:"+unknownID), aFile), refusal(400, "UploadcareFileIdInvalidError", "UPLOADCARE_FILE_ID should be a valid UUID.")},
		{"no file", valid, refusal(400, "FileRequiredError", "There should be a file.")},
		{"two files", append(valid, aFile, aFile), refusal(400, "FilesNumberLimitExceededError", "There are too many files.")},
		{"a full disk", append(valid, file("file", "x", "more than ten")), errAccountLimits},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t, func(h *Handler) { h.StorageLimit = 10 })
			wantRefusal(t, f.do(t, uploadRequest("/iframe/", formOf(tc.parts...))), tc.want)
			wantEnvelope(t, f.do(t, uploadRequest("/iframe/?jsonerrors=1", formOf(tc.parts...))), tc.want)
			f.wantNothingKept(t)
		})
	}
}

func TestAnIframeDoesNotTakeTheNameOfAnUploadUnderWay(t *testing.T) {
	f := newFixture(t)
	duplicated := refusal(400, "UploadcareFileIdDuplicatedError", "UPLOADCARE_FILE_ID is duplicated. You are probably a lottery winner.")
	id := f.start(t, multipartMinimum).UUID
	wantRefusal(t, f.do(t, uploadRequest("/iframe/", formOf(append(iframeFields(id), aFile)...))), duplicated)
	held := f.store(t)
	if err := held.claim(unknownID); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, f.do(t, uploadRequest("/iframe/", formOf(append(iframeFields(unknownID), aFile)...))), duplicated)
	held.unclaim(unknownID)
	if response := f.do(t, uploadRequest("/iframe/", formOf(append(iframeFields(unknownID), aFile)...))); response.Code != 200 {
		t.Errorf("%d %s", response.Code, response.Body)
	}
}
