// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// uploadHost is the name that clients have built in.
const uploadHost = "upload.uploadcare.com"

// httpVersions are curl's flags for them.
var httpVersions = map[string]string{"HTTP/1.1": "--http1.1", "HTTP/2": "--http2"}

// transparentSite is a gateway that has the Upload API's name, and a
// certificate for it from Caddy's own authority.
type transparentSite struct {
	site
	port string
	root string // path of the authority's certificate
}

func startTransparentSite(t *testing.T, further string) *transparentSite {
	t.Helper()
	s := &transparentSite{site: site{host: freeAddress(t)}}
	_, s.port, _ = net.SplitHostPort(s.host)
	s.gateway = "https://" + uploadHost + ":" + s.port
	sandbox := freeAddress(t)
	s.sandbox = "http://" + sandbox

	// The authority is not put among those that this machine trusts, and
	// port 80 is left alone.
	s.process = start(t, "")
	s.process.load(t, "{\n\tadmin "+s.process.admin+"\n\tpersist_config off\n\tskip_install_trust\n\tauto_https disable_redirects\n}\n"+
		strings.Replace(gateway(s.host, s.sandbox), "http://"+s.host+" {", s.gateway+" {\n\ttls internal\n"+further, 1)+sandboxSite(sandbox))
	s.root = s.saveRoot(t)
	return s
}

// load gives a running process another Caddyfile.
func (p *process) load(t *testing.T, caddyfile string) {
	t.Helper()
	response, err := http.Post("http://"+p.admin+"/load", "text/caddyfile", strings.NewReader(caddyfile))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusOK {
		t.Fatalf("load: %d %s", response.StatusCode, text)
	}
}

// saveRoot waits until the gateway has its certificate and saves that of the
// authority.
func (s *transparentSite) saveRoot(t *testing.T) string {
	t.Helper()
	_, response := get(t, "http://"+s.process.admin+"/pki/ca/local")
	var authority struct {
		RootCertificate string `json:"root_certificate"`
	}
	parse(t, string(response), &authority)
	path := filepath.Join(t.TempDir(), "root.crt")
	if err := os.WriteFile(path, []byte(authority.RootCertificate), 0o600); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(authority.RootCertificate))
	config := &tls.Config{RootCAs: roots, ServerName: uploadHost, MinVersion: tls.VersionTLS12}
	var err error
	for range 500 {
		var connection *tls.Conn
		if connection, err = tls.Dial("tcp", s.host, config); err == nil {
			_ = connection.Close()
			return path
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("the gateway has no certificate: %v", err)
	return ""
}

// curl makes a request as if DNS led to the gateway.
func (s *transparentSite) curl(t *testing.T, arguments ...string) (int, string) {
	t.Helper()
	resolve := []string{"--resolve", uploadHost + ":" + s.port + ":127.0.0.1", "--cacert", s.root}
	return curl(t, append(resolve, arguments...)...)
}

func TestTransparentRecipeWithCurl(t *testing.T) {
	s, sent := startTransparentSite(t, ""), newFile(t, 3*mebibyte)
	for version, flag := range httpVersions {
		t.Run(version, func(t *testing.T) {
			tried(t, "curl, "+version, "POST /base/, multipart", "DNS, TLS")
			status, response := s.curl(t, flag, "-F", "file=@"+sent.path, "-F", "UPLOADCARE_PUB_KEY="+publicKey,
				"-F", "signature="+staleSignature, "-F", "expire="+staleExpire, s.gateway+"/base/?signature="+staleSignature)
			if status != http.StatusOK {
				t.Fatalf("%d %s", status, response)
			}
			s.checkStored(t, uuidOf(t, response), sent)
		})
	}
}

// A response that comes while the body is on its way reaches the client, and no
// reset of the connection in its place.
func TestCurlHasResponsesInMidUpload(t *testing.T) {
	s, sent := startTransparentSite(t, ""), newFile(t, 60*mebibyte)
	for version, flag := range httpVersions {
		for name, expect := range expectations {
			t.Run(version+", "+name, func(t *testing.T) {
				tried(t, "curl, "+version+", "+name, "error: in mid-upload, /base/", "DNS, TLS")
				status, response := s.curl(t, flag, "-H", expect, "-F", "UPLOADCARE_PUB_KEY=another_key", "-F", "file=@"+sent.path, s.gateway+"/base/")
				if status != http.StatusForbidden || response != "UPLOADCARE_PUB_KEY is invalid." {
					t.Errorf("%d %s", status, response)
				}
			})
		}
	}
}

// A gateway whose upstream is itself reports that.
func TestALoopIsDetected(t *testing.T) {
	const message = "The gateway's upstream leads back to the gateway. Its operator must give it the Upload API's real address."
	address, sent := freeAddress(t), newFile(t, 1000)
	start(t, gateway(address, "http://"+address))
	upload := []string{"-F", "UPLOADCARE_PUB_KEY=" + publicKey, "-F", "file=@" + sent.path}
	for _, test := range []struct {
		endpoint  string
		arguments []string
		status    int
		response  string
	}{
		{"/base/", upload, http.StatusLoopDetected, message},
		{"/info/?pub_key=" + publicKey, nil, http.StatusLoopDetected, message},
		{"/base/?jsonerrors=1", upload, http.StatusOK, `{"error":{"status_code":508,"content":"` + message + `","error_code":"GatewayLoopError"}}`},
	} {
		t.Run(test.endpoint, func(t *testing.T) {
			tried(t, "curl", "error: the gateway is its own upstream, "+test.endpoint, "base URL")
			status, response := curl(t, append(test.arguments, "http://"+address+test.endpoint)...)
			if status != test.status || response != test.response {
				t.Errorf("%d %s\nwant %d %s", status, response, test.status, test.response)
			}
		})
	}
}
