// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// Every complete Caddyfile in the documents takes an upload, and one that has
// something before the gateway that decides who may upload refuses a stranger.
//
// A Caddyfile is complete if there is a gateway in what it adapts to. It runs as it
// stands, but for what belongs to other machines, which [stage] replaces.
func TestCompleteConfigsInTheDocumentsTakeUploads(t *testing.T) {
	secrets := documentedSecrets(t)
	guarded := make(map[string]int)
	used := 0
	for _, document := range allDocuments(t) {
		for i, s := range snippets(t, document) {
			if s.language != "caddyfile" {
				continue
			}
			adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(s.text), nil)
			if err != nil {
				t.Fatalf("%s: %v\n%s", document, err, s.text)
			}
			if !strings.Contains(string(adapted), `"uploadcare_sign"`) {
				continue
			}
			used++
			t.Run(fmt.Sprintf("%s %d", document, i), func(t *testing.T) {
				config := here(string(adapted), secrets)
				stage := startStage(t, config)
				stage.wantUpload(t)
				if stage.guarded {
					guarded[document]++
					stage.wantRefusal(t, false)
				} else if document == callersDocument && !strings.Contains(config, `"client_authentication"`) && !strings.Contains(config, `"remote_ip"`) {
					t.Error("a recipe for who may upload lets strangers upload")
				}
				if strings.Contains(config, `"cors"`) {
					stage.wantPreflight(t)
				}
				if strings.Contains(config, `"remote_ip"`) {
					startStage(t, strings.ReplaceAll(config, "127.0.0.1/8", "192.0.2.0/24")).wantRefusal(t, true)
				}
				if t.Failed() {
					t.Logf("the Caddyfile:\n%s", s.text)
				}
			})
		}
	}
	t.Logf("%d configs were used for uploads", used)
	if found := len(snippets(t, "README.md")); found == 0 || found != guarded["README.md"] {
		t.Error("a config in the README lets strangers upload")
	}
}

// stage has what the documents' configs expect of other machines, on this one.
//
// What is replaced in a config: the address of its site, by one on loopback without
// TLS; the Upload API, by a sandbox; every other upstream, and every resolver, by a
// back end that knows one visitor; passwords, by one that is known here; and the
// directory of a shared storage.
type stage struct {
	gateway, sandbox, backEnd string // addresses
	storage                   string // a directory

	host, prefix, user string // for uploads: the site, the path of the gateway in it, who may
	guarded            bool   // something decides who may upload
	perCaller          bool   // and it is the back end, when it is asked for a signature

	caddy *caddyProcess
}

const (
	uploadAPI       = "upload.uploadcare.com:443"
	visitor         = "Bearer visitor"
	visitorPassword = "letmein"
	visitorKey      = "key-of-the-visitor"
	visitorAddress  = "192.0.2.7"                                                    // behind a load balancer
	hashedPassword  = "$2a$04$nk3BmkWwcM8Fkaj9.vFLxuEszYQRRltmTkJSn4BhwYiz86mvKK2ji" // at the least cost
)

// startStage runs Caddy with a config, after what belongs to other machines is replaced.
func startStage(t *testing.T, config string) *stage {
	t.Helper()
	s := &stage{gateway: freeAddress(t), sandbox: freeAddress(t), storage: t.TempDir()}
	s.perCaller = strings.Contains(config, "{http.request.header.")
	s.guarded = s.perCaller || strings.Contains(config, "X-Api-Key") || strings.Contains(config, `"client_ip"`)
	s.backEnd = strings.TrimPrefix(startUpstream(t, s.serveBackEnd).URL, "http://")
	s.run(t, config)
	return s
}

// serveBackEnd is an application that knows its visitor, and signs for the gateway or
// for the visitor.
func (s *stage) serveBackEnd(w http.ResponseWriter, r *http.Request) {
	authorization := r.Header.Get("Authorization")
	switch {
	case r.URL.Path == "/session" && authorization == visitor:
	case r.URL.Path != "/api/uploadcare-signature", s.perCaller && authorization != visitor, authorization != "" && authorization != visitor && authorization != "Bearer "+demoSecret:
		w.WriteHeader(http.StatusUnauthorized)
	default:
		expire := strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10)
		mac := hmac.New(sha256.New, []byte(demoSecret))
		mac.Write([]byte(expire))
		fmt.Fprintf(w, `{"secureSignature":"%s","secureExpire":"%s"}`, hex.EncodeToString(mac.Sum(nil)), expire)
	}
}

// run runs Caddy with a config, in which it replaces what belongs to other machines,
// and with a sandbox.
func (s *stage) run(t *testing.T, config string) {
	t.Helper()
	var parsed map[string]any
	if err := json.Unmarshal([]byte(config), &parsed); err != nil {
		t.Fatal(err)
	}
	s.replace(parsed)
	apps := parsed["apps"].(map[string]any)
	delete(apps, "tls")
	delete(apps["http"].(map[string]any), "shutdown_delay") // of which no balancer has to learn
	servers := apps["http"].(map[string]any)["servers"].(map[string]any)
	gateways := 0
	for _, server := range servers {
		server := server.(map[string]any)
		if text, _ := json.Marshal(server); !bytes.Contains(text, []byte(`"uploadcare_sign"`)) {
			server["listen"] = []any{freeAddress(t)} // such as one with metrics
			continue
		}
		gateways++
		s.replaceServer(server)
	}
	if gateways != 1 {
		t.Fatalf("%d servers have a gateway, and not one", gateways)
	}
	servers["sandbox"] = map[string]any{
		"listen": []any{s.sandbox},
		"routes": []any{map[string]any{"handle": []any{map[string]any{
			"handler": "uploadcare_sandbox", "public_key": "demopublickey", "secret_key": demoSecret, "root": filepath.Join(t.TempDir(), "sandbox"),
		}}}},
	}
	s.caddy = startCaddyWithJSON(t, parsed)
}

// replace replaces the addresses and passwords in a part of a config.
func (s *stage) replace(part any) {
	switch part := part.(type) {
	case []any:
		for _, item := range part {
			s.replace(item)
		}
	case map[string]any:
		for name, value := range part {
			switch {
			case name == "upstreams" && part["handler"] == "uploadcare_proxy":
				part[name] = []any{map[string]any{"dial": s.sandbox}}
			case name == "dial" && value == uploadAPI:
				part[name] = s.sandbox
			case name == "dial":
				part[name] = s.backEnd
			case name == "handle_response": // of forward_auth
				s.guarded = true
			case name == "password":
				part[name], s.guarded = hashedPassword, true
			case name == "username":
				s.user, _ = value.(string)
			case name == "strip_path_prefix":
				s.prefix, _ = value.(string)
			case name == "url" && part["module"] == "resolver":
				address, _ := url.Parse(value.(string))
				part[name] = "http://" + s.backEnd + address.Path
			case name == "root" && part["module"] == "file_system":
				part[name] = s.storage
			case name == "tls" && part["protocol"] != nil: // of a transport
				delete(part, name)
			default:
				s.replace(value)
			}
		}
	}
}

// firstHost is the host that a site of a config is for.
var firstHost = regexp.MustCompile(`"host":\["([^"]+)"`)

func (s *stage) replaceServer(server map[string]any) {
	routes, _ := json.Marshal(server["routes"])
	s.host = s.gateway
	if match := firstHost.FindSubmatch(routes); match != nil {
		s.host = string(match[1])
	}
	server["listen"] = []any{s.gateway}
	server["automatic_https"] = map[string]any{"disable": true}
	delete(server, "tls_connection_policies")
}

// upload sends a file to the gateway.
func (s *stage) upload(t *testing.T, credentials bool) (status int, text string) {
	t.Helper()
	form := formOf(key, field("signature", "stale"), file("file", photo))
	request := newUpload(t, "http://"+s.gateway+s.prefix+"/base/", strings.NewReader(form))
	request.Host = s.host
	switch {
	case credentials && s.user != "":
		request.SetBasicAuth(s.user, visitorPassword)
	case credentials:
		request.Header.Set("Authorization", visitor)
		request.Header.Set("X-Api-Key", visitorKey)
		request.Header.Set("X-Forwarded-For", visitorAddress)
	}
	response := do(t, http.DefaultClient, request)
	return response.StatusCode, readAll(t, response)
}

// storedFile is what the Upload API says of a file that it has stored.
var storedFile = regexp.MustCompile(`^\{"file":"([0-9a-f-]{36})"\}$`)

func (s *stage) wantUpload(t *testing.T) {
	t.Helper()
	status, text := s.upload(t, true)
	match := storedFile.FindStringSubmatch(text)
	if status != http.StatusOK || match == nil {
		t.Errorf("response %d %s", status, text)
		return
	}
	response, err := http.Get("http://" + s.sandbox + "/" + match[1] + "/")
	if err != nil {
		t.Fatal(err)
	}
	if readAll(t, response) != photo {
		t.Error("another file arrived")
	}
}

func (s *stage) wantRefusal(t *testing.T, credentials bool) {
	t.Helper()
	if status, text := s.upload(t, credentials); status != http.StatusUnauthorized && status != http.StatusForbidden {
		t.Errorf("a stranger gets response %d %s", status, text)
	}
}

// wantPreflight wants that a browser, which asks without credentials, may upload from
// a page that is not the gateway's.
func (s *stage) wantPreflight(t *testing.T) {
	t.Helper()
	const origin = "https://www.example.com"
	request, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, "http://"+s.gateway+s.prefix+"/base/", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = s.host
	request.Header.Set("Origin", origin)
	request.Header.Set("Access-Control-Request-Method", http.MethodPost)
	response := do(t, http.DefaultClient, request)
	if readAll(t, response); response.StatusCode >= 300 || response.Header.Get("Access-Control-Allow-Origin") != origin {
		t.Errorf("the response to a preflight is %d %v", response.StatusCode, response.Header)
	}
}

// startCaddyWithJSON runs Caddy with a config in JSON.
func startCaddyWithJSON(t *testing.T, config map[string]any) *caddyProcess {
	t.Helper()
	c := newCaddy(t)
	config["admin"] = map[string]any{"listen": c.admin, "config": map[string]any{"persist": false}}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(c.directory, "config.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	c.start(path)
	return c
}
