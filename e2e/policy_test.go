// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	// operatorsUser is what the gateway says of who uploads. It is longer in bytes than in
	// characters, which a length that is promised in characters would not survive.
	operatorsUser = "Åsa, 北京"
	// clientsUser is what clients claim, in metadata and in the header from which the
	// gateway takes it.
	clientsUser = "mallory"
	// smallLimit is the limit of the narrow rules, above the pictures of the tests.
	smallLimit = 256 << 10
)

// policyRefusal is what a client has of a refusal: the service's own where it has one.
type policyRefusal struct {
	status        int
	code, message string
}

var (
	tooLarge      = policyRefusal{http.StatusBadRequest, "FileSizeLimitExceededError", "File is too large."}
	partsTooLarge = policyRefusal{http.StatusBadRequest, "MultipartFileSizeLimitExceededError", "File size exceeds project limit."}
	wrongType     = policyRefusal{http.StatusBadRequest, "FileTypeForbiddenError", "Uploading of these file types is not allowed."}
	tooManyFiles  = policyRefusal{http.StatusBadRequest, "RequestFileNumberLimitExceededError", "The request contains too many files."}
	wrongSource   = policyRefusal{http.StatusForbidden, "GatewaySourceURLError", "Uploads from this URL are not allowed."}
	wrongKind     = policyRefusal{http.StatusForbidden, "GatewayEndpointError", "Uploads of this kind are not allowed."}
)

// narrowRules forbid something at each endpoint. SOURCE is the host of the one address from
// which the service may fetch.
const narrowRules = `
	max_file_size 256KiB
	types image/* .pdf
	max_files 2
	from_url SOURCE
	endpoints base multipart from_url`

// wideRules have the same options, and forbid nothing of what the tests upload through them.
const wideRules = `
	max_file_size 30MiB
	types image/* .pdf
	max_files 2
	from_url SOURCE
	endpoints base multipart from_url group`

// directRules forbid all ways but one.
const directRules = `
	endpoints base`

// withRules gives the project of a gateway's Caddyfile a policy. What the user is called comes
// from a header that the site sets for every request, as an authenticating proxy does: what a
// client sends under that name counts for nothing.
func withRules(t *testing.T, caddyfile, rules, source string) string {
	t.Helper()
	const project = "project " + publicKey + "\n\t\tsecret_key demosecretkey\n"
	if !strings.Contains(caddyfile, project) {
		t.Fatalf("there is no project in\n%s", caddyfile)
	}
	rules = strings.ReplaceAll(rules, "SOURCE", strings.TrimPrefix(source, "http://")) +
		"\n\tcallers checked\n\tmetadata user {http.request.header.X-User}\n\tstore 1\n"
	caddyfile = strings.Replace(caddyfile, project, "project "+publicKey+" {\n\tsecret_key demosecretkey"+rules+"}\n", 1)
	caddyfile = strings.Replace(caddyfile, "\tuploadcare {", "\trequest_header X-User \""+operatorsUser+"\"\n\tuploadcare {", 1)
	return strings.Replace(caddyfile, "uploadcare_sandbox {", "uploadcare_sandbox {\n\tallow_private_sources", 1)
}

// servePictures serves a picture, whatever the path, on two hosts: the policy names the first.
func servePictures(t *testing.T, path string) (allowed, other string) {
	t.Helper()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, path) })
	servers := [2]*httptest.Server{httptest.NewServer(handler), httptest.NewServer(handler)}
	for _, server := range servers {
		t.Cleanup(server.Close)
	}
	return servers[0].URL, servers[1].URL
}

// policySites are gateways with different rules, and the sandbox behind all of them.
type policySites struct {
	site                        // the one with narrowRules
	root                 string // of the sandbox
	wide, direct         string // base URLs of the others
	source, otherSource  string // URLs of a picture: where it may be fetched from, and where not
	picture, large, text sentFile
}

func startPolicySites(t *testing.T) *policySites {
	t.Helper()
	s := &policySites{
		root:    filepath.Join(t.TempDir(), "root"),
		picture: readSent(t, picture(t, "sunset.png", 0)),
		large:   pictureOf(t, smallLimit+1),
		text:    readSent(t, textFile(t)),
	}
	allowed, other := servePictures(t, s.picture.path)
	s.source, s.otherSource = allowed+"/sunset.png", other+"/sunset.png"
	s.host = freeAddress(t)
	sandbox, wide, direct := freeAddress(t), freeAddress(t), freeAddress(t)
	s.gateway, s.wide, s.direct, s.sandbox = "http://"+s.host, "http://"+wide, "http://"+direct, "http://"+sandbox
	caddyfile := withRules(t, gateway(s.host, s.sandbox)+sandboxSite(sandbox, "root "+s.root), narrowRules, allowed)
	for address, rules := range map[string]string{wide: wideRules, direct: directRules} {
		caddyfile += withRules(t, gateway(address, s.sandbox), rules, allowed)
	}
	s.process = start(t, caddyfile, "servers {\n\t\tprotocols h1 h2c\n\t}") // HTTP/2 without certificates
	return s
}

func (s *policySites) wantNothingStored(t *testing.T) {
	t.Helper()
	if count := storedIn(t, s.root); count != 0 {
		t.Errorf("%d files are stored", count)
	}
}

// pictureOf makes a file of a size that begins as a picture does, and is called one.
func pictureOf(t *testing.T, size int) sentFile {
	t.Helper()
	content := newFile(t, size).content
	copy(content, "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89")
	path := filepath.Join(t.TempDir(), "large.png")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return sentFile{path, content}
}

// textFile makes a file of a type that the rules do not name.
func textFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(path, []byte("The quick brown fox jumps over the lazy dog.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func readSent(t *testing.T, path string) sentFile {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sentFile{path, content}
}

// wantOperators checks that a file has the operator's metadata and is stored as the operator
// says, whatever the client sent, and that the client's other metadata are as they were.
func wantOperators(t *testing.T, sandbox, id string, others map[string]string) {
	t.Helper()
	_, response := get(t, sandbox+"/info/?jsonerrors=1&pub_key="+publicKey+"&file_id="+id)
	var info struct {
		Metadata map[string]string `json:"metadata"`
		IsStored bool              `json:"is_stored"`
	}
	if err := json.Unmarshal(response, &info); err != nil {
		t.Fatalf("%v: %s", err, response)
	}
	want := map[string]string{"user": operatorsUser}
	maps.Copy(want, others)
	if !maps.Equal(info.Metadata, want) || !info.IsStored {
		t.Errorf("metadata %q, stored %v, want %q and true", info.Metadata, info.IsStored, want)
	}
}
