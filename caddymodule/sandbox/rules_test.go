// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

var (
	publicKey = field("UPLOADCARE_PUB_KEY", testPublicKey)
	aFile     = file("file", "hello.txt", "hello")
)

// credential returns the two fields for an expiry, rightly signed.
func credential(expire string) []string {
	return []string{field("signature", token.Sign(testSecretKey, expire)), field("expire", expire)}
}

func refusal(status int, code, message string) *uploadapi.Error {
	return &uploadapi.Error{Status: status, Code: code, Message: message}
}

type ruleCase struct {
	name  string
	parts []string
	query string
	want  *uploadapi.Error
}

func ruleCases() []ruleCase {
	expire := strconv.Itoa(testNow + 60)
	valid := credential(expire)
	with := func(parts ...string) []string { return append([]string{publicKey, aFile}, parts...) }
	return []ruleCase{
		{
			"no public key",
			[]string{aFile, valid[0], valid[1]},
			"",
			refusal(403, "ProjectPublicKeyRequiredError", "UPLOADCARE_PUB_KEY is required."),
		},
		{
			"an empty public key",
			[]string{field("UPLOADCARE_PUB_KEY", ""), aFile, valid[0], valid[1]},
			"",
			refusal(403, "ProjectPublicKeyRequiredError", "UPLOADCARE_PUB_KEY is required."),
		},
		{
			"a public key under the name of other endpoints",
			[]string{field("pub_key", testPublicKey), aFile, valid[0], valid[1]},
			"",
			refusal(403, "ProjectPublicKeyRequiredError", "UPLOADCARE_PUB_KEY is required."),
		},
		{
			"an unknown public key",
			[]string{field("UPLOADCARE_PUB_KEY", "other"), aFile, valid[0], valid[1]},
			"",
			refusal(403, "ProjectPublicKeyInvalidError", "UPLOADCARE_PUB_KEY is invalid."),
		},
		{
			"an unknown public key in the body beside the right one in the query",
			[]string{field("UPLOADCARE_PUB_KEY", "other"), aFile, valid[0], valid[1]},
			"UPLOADCARE_PUB_KEY=" + testPublicKey,
			refusal(403, "ProjectPublicKeyInvalidError", "UPLOADCARE_PUB_KEY is invalid."),
		},
		{
			"the public key is judged before the credential",
			[]string{field("UPLOADCARE_PUB_KEY", "other"), aFile},
			"",
			refusal(403, "ProjectPublicKeyInvalidError", "UPLOADCARE_PUB_KEY is invalid."),
		},
		{
			"two equal signatures", with(valid[0], valid[0], valid[1]), "",
			refusal(400, "SandboxDuplicateCredentialError", "`signature` was sent more than once."),
		},
		{
			"an empty signature beside the right one", with(field("signature", ""), valid[0], valid[1]), "",
			refusal(400, "SandboxDuplicateCredentialError", "`signature` was sent more than once."),
		},
		{
			"a signature in body and query", with(valid...), "signature=stale",
			refusal(400, "SandboxDuplicateCredentialError", "`signature` was sent more than once."),
		},
		{
			"two signatures in the query", with(), "signature=a&signature=b&expire=1",
			refusal(400, "SandboxDuplicateCredentialError", "`signature` was sent more than once."),
		},
		{
			"two expires in the body", with(valid[0], valid[1], field("expire", "1")), "",
			refusal(400, "SandboxDuplicateCredentialError", "`expire` was sent more than once."),
		},
		{
			"an expire in body and query", with(valid...), "expire=" + expire,
			refusal(400, "SandboxDuplicateCredentialError", "`expire` was sent more than once."),
		},
		{
			"a stale signature before the file and one after",
			[]string{publicKey, valid[0], aFile, valid[0], valid[1]},
			"",
			refusal(400, "SandboxDuplicateCredentialError", "`signature` was sent more than once."),
		},
		{
			"the iframe's signature beside the right one", with(valid[0], valid[1], field("UPLOADCARE_SIGNATURE", "x")), "",
			refusal(400, "SandboxStaleCredentialError", "`UPLOADCARE_SIGNATURE` has no place on /base/."),
		},
		{
			"the iframe's expire beside the right one", with(valid[0], valid[1], field("UPLOADCARE_EXPIRE", "")), "",
			refusal(400, "SandboxStaleCredentialError", "`UPLOADCARE_EXPIRE` has no place on /base/."),
		},
		{
			"the iframe's signature in the query", with(valid...), "UPLOADCARE_SIGNATURE=x",
			refusal(400, "SandboxStaleCredentialError", "`UPLOADCARE_SIGNATURE` has no place on /base/."),
		},
		{
			"no credential", with(), "",
			refusal(400, "SignatureRequiredError", "`signature` is required."),
		},
		{
			"an empty signature", with(field("signature", ""), valid[1]), "",
			refusal(400, "SignatureRequiredError", "`signature` is required."),
		},
		{
			"a file that is called signature instead of a field", with(file("signature", "signature", "x"), valid[1]), "",
			refusal(400, "SignatureRequiredError", "`signature` is required."),
		},
		{
			"a signature in the wrong case of its name", with(field("Signature", token.Sign(testSecretKey, expire)), valid[1]), "",
			refusal(400, "SandboxStaleCredentialError", "`Signature` has no place on /base/."),
		},
		{
			"no expire", with(valid[0]), "",
			refusal(400, "SignatureExpirationRequiredError", "`expire` is required."),
		},
		{
			"an empty expire", with(valid[0], field("expire", "")), "",
			refusal(400, "SignatureExpirationRequiredError", "`expire` is required."),
		},
		{
			"an expire in milliseconds", with(credential(expire + "000")...), "",
			refusal(400, "SignatureExpirationInvalidError", "`expire` must be a UNIX timestamp."),
		},
		{
			"an expire with a sign", with(credential("+" + expire[1:])...), "",
			refusal(400, "SignatureExpirationInvalidError", "`expire` must be a UNIX timestamp."),
		},
		{
			"an expire below zero", with(credential("-60")...), "",
			refusal(400, "SignatureExpirationInvalidError", "`expire` must be a UNIX timestamp."),
		},
		{
			"an expire with blanks", with(credential(" 180000006")...), "",
			refusal(400, "SignatureExpirationInvalidError", "`expire` must be a UNIX timestamp."),
		},
		{
			"an expire with a fraction", with(credential("18000000.6")...), "",
			refusal(400, "SignatureExpirationInvalidError", "`expire` must be a UNIX timestamp."),
		},
		{
			"an expire in hexadecimal", with(credential("0x6b49d23c")...), "",
			refusal(400, "SignatureExpirationInvalidError", "`expire` must be a UNIX timestamp."),
		},
		{
			"an expire that is words", with(credential("tomorrow")...), "",
			refusal(400, "SignatureExpirationInvalidError", "`expire` must be a UNIX timestamp."),
		},
		{
			"an expire one second ago", with(credential(strconv.Itoa(testNow - 1))...), "",
			refusal(403, "SignatureExpirationError", "Expired signature."),
		},
		{
			"an expire in 1970", with(credential("60")...), "",
			refusal(403, "SignatureExpirationError", "Expired signature."),
		},
		{
			"a wrong signature that has expired is expired", with(field("signature", "x"), field("expire", "60")), "",
			refusal(403, "SignatureExpirationError", "Expired signature."),
		},
		{
			"a signature made with another secret", with(field("signature", token.Sign("other", expire)), valid[1]), "",
			refusal(403, "SignatureInvalidError", "Invalid signature."),
		},
		{
			"a signature of another expire", with(field("signature", token.Sign(testSecretKey, "1900000000")), valid[1]), "",
			refusal(403, "SignatureInvalidError", "Invalid signature."),
		},
		{
			"a signature in upper case", with(field("signature", strings.ToUpper(token.Sign(testSecretKey, expire))), valid[1]), "",
			refusal(403, "SignatureInvalidError", "Invalid signature."),
		},
		{
			"an MD5 of the old scheme", with(field("signature", "46f70d2b4fb6196daeb2c16bf44a7f1e"), valid[1]), "",
			refusal(403, "SignatureInvalidError", "Invalid signature."),
		},
		{
			"no file", append([]string{publicKey, field("file", "not a file")}, valid...), "",
			refusal(400, "FilesRequiredError", "Request does not contain files."),
		},
		{
			"a file part with an empty filename is no file", append([]string{publicKey, file("file", "", "x")}, valid...), "",
			refusal(400, "FilesRequiredError", "Request does not contain files."),
		},
		{
			"the credential is judged before the files",
			[]string{publicKey},
			"",
			refusal(400, "SignatureRequiredError", "`signature` is required."),
		},
	}
}

func TestRefusalsOfBase(t *testing.T) {
	for _, tc := range ruleCases() {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			plain := f.do(t, uploadRequest("/base/?"+tc.query, formOf(tc.parts...)))
			wantRefusal(t, plain, tc.want)
			envelope := f.do(t, uploadRequest("/base/?jsonerrors=1&"+tc.query, formOf(tc.parts...)))
			wantEnvelope(t, envelope, tc.want)
			f.wantNothingKept(t)
			for _, response := range []*httptest.ResponseRecorder{plain, envelope} {
				if strings.Contains(response.Body.String(), testSecretKey) {
					t.Error("the response shows the secret")
				}
			}
		})
	}
}

func TestAcceptedByBase(t *testing.T) {
	expire := strconv.Itoa(testNow + 60)
	valid := credential(expire)
	quoted := "signature=" + token.Sign(testSecretKey, expire) + "&expire=" + expire
	cases := []struct {
		name  string
		parts []string
		query string
	}{
		{"fields before the file", append([]string{publicKey, valid[0], valid[1]}, aFile), ""},
		{"fields after the file", append([]string{aFile}, valid[0], valid[1], publicKey), ""},
		{"the public key in the query", []string{aFile, valid[0], valid[1]}, "UPLOADCARE_PUB_KEY=" + testPublicKey},
		{
			"an empty public key in the body and the right one in the query",
			[]string{field("UPLOADCARE_PUB_KEY", ""), aFile, valid[0], valid[1]},
			"UPLOADCARE_PUB_KEY=" + testPublicKey,
		},
		{"the credential in the query", []string{publicKey, aFile}, quoted},
		{"a credential in two halves", []string{publicKey, aFile, valid[0]}, "expire=" + expire},
		{"an expire at this very second", append([]string{publicKey, aFile}, credential(strconv.Itoa(testNow))...), ""},
		{"the last expire of ten digits", append([]string{publicKey, aFile}, credential("9999999999")...), ""},
		{"files called after the credential", append(signed(), aFile, file("signature", "signature", "x"), file("expire", "e", "y")), ""},
		{"unknown fields", append(signed(), aFile, field("source", "local"), field("xignature", "")), ""},
		{"unquoted names", []string{
			aFile, publicKey, valid[0],
			"content-disposition: form-data; name=expire\r\nContent-Type: text/plain\r\n\r\n" + expire,
		}, ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			for _, target := range []string{"/base/", "/base", "//base//", "/info/../base/."} {
				ids := uuidsOf(t, f.do(t, uploadRequest(target+"?"+tc.query, formOf(tc.parts...))))
				if got := f.get(t, "/"+ids["file"]+"/").Body.String(); got != "hello" {
					t.Errorf("%s stored %q, want %q", target, got, "hello")
				}
			}
		})
	}
}

func TestTheServicesOwnTestVectorIsAccepted(t *testing.T) {
	f := newFixture(t, func(h *Handler) { h.SecretKey = "demosecretkey" })
	f.clock.seconds.Store(60)
	uuidsOf(t, f.upload(t, publicKey, aFile, field("expire", "60"),
		field("signature", "7d2e71d1843788a02d0c7fe6f5d71edf657363a369112e78d4f37ace3f884b00")))
}

func TestTheResponseNamesEveryFileByItsField(t *testing.T) {
	f := newFixture(t)
	ids := f.accepted(t, aFile, file("a b.txt", "a b.txt", "second"), file(`q"uote`, "q", "third"))
	if len(ids) != 3 {
		t.Fatalf("response = %v, want three files", ids)
	}
	for name, want := range map[string]string{"file": "hello", "a b.txt": "second", `q"uote`: "third"} {
		if got := f.get(t, "/"+ids[name]+"/").Body.String(); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	response := f.upload(t, append(signed(), aFile)...)
	if got := response.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type = %q", got)
	}
}

// Invariant 5 needs a counterpart that reads the clock as late as the service may: after
// the last byte.
func TestExpiryIsJudgedWhenTheBodyHasArrived(t *testing.T) {
	for _, tc := range []struct {
		name    string
		arrives int64
		want    int
	}{
		{"in the very second of its expiry", testNow + 60, http.StatusOK},
		{"a second later", testNow + 61, http.StatusForbidden},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			form := strings.NewReader(formOf(append(signed(), aFile)...) + "epilogue")
			body := readerFunc(func(p []byte) (int, error) {
				n, err := form.Read(p)
				if err != nil { // only now the body is through
					f.clock.seconds.Store(tc.arrives)
				}
				return n, err
			})
			response := f.do(t, streamRequest("/base/", body))
			if response.Code != tc.want {
				t.Fatalf("response = %d %s, want %d", response.Code, response.Body, tc.want)
			}
			if tc.want != http.StatusOK {
				wantRefusal(t, response, refusal(403, "SignatureExpirationError", "Expired signature."))
				f.wantNothingKept(t)
			}
		})
	}
}
