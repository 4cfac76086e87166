// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

const (
	mayBeClient = "the Upload API does not take an upload's credential; that may be its client's doing, unless nothing is accepted for long"
	keyWorks    = "the Upload API takes what another secret key signs; that key signs from now on"
)

// While a project's secret key is being rotated, uploads go on, and the log says
// which key works. A reload does not forget it, and whatever else signs for the
// project knows it too.
func TestASecretKeyCanBeRotated(t *testing.T) {
	for scheme, invalid := range map[string]string{"signature": "Invalid signature.", "token": "Invalid token. Reason: signature does not match"} {
		t.Run(scheme, func(t *testing.T) {
			upstream := startJudge(t, "canary-old", false)
			gateway, signatures := freeAddress(t), freeAddress(t)
			project := "project demopublickey {\n\t\t\tsecret_key {env.CANARY_OLD} {env.CANARY_NEW}\n\t\t\tsecret_key {env.CANARY_UNUSED}\n\t\t\tscheme " + scheme + "\n\t\t}"
			site := fmt.Sprintf("http://%s {\n\tbind 127.0.0.1\n\tuploadcare {\n\t\t%s\n\t\tupstream %s\n\t}\n}\n", gateway, project, upstream.URL)
			if scheme == "signature" {
				site += fmt.Sprintf("http://%s {\n\tbind 127.0.0.1\n\tuploadcare_signature {\n\t\t%s\n\t}\n}\n", signatures, project)
			}
			c := startCaddy(t, site, "CANARY_OLD=canary-old", "CANARY_NEW=canary-new", "CANARY_UNUSED=canary-unused")
			form, content := projectForm(t, "demopublickey", 20<<10)
			upload := func() {
				t.Helper()
				wantFile(t, do(t, http.DefaultClient, newUpload(t, "http://"+gateway+"/base/", strings.NewReader(form))), content)
			}
			want := func(what string, accepted int, rejected string) {
				t.Helper()
				if gotAccepted, gotRejected := upstream.count(); gotAccepted != accepted || gotRejected != rejected {
					t.Errorf("%s: %d accepted, rejected: %s", what, gotAccepted, gotRejected)
				}
			}
			upload()
			want("before", 1, "")
			if c.logged(mayBeClient) != 0 || c.logged(keyWorks) != 0 {
				t.Errorf("the log names the key that works:\n%s", c.output)
			}

			upstream.set("canary-new", 0)
			upload()
			want("at the rotation", 1, fmt.Sprintf("map[%s:1]", invalid))
			upload()
			want("after it", 1, "")
			eventually(t, "the log says so", func() bool {
				return c.logged(mayBeClient) == 1 && c.logged(keyWorks) == 1 && strings.Contains(c.output.String(), `"secret_key":"2 of 3"`)
			})
			if scheme == "signature" {
				checkSignedWith(t, signatures, "canary-new")
			}

			http.DefaultClient.CloseIdleConnections() // which the reload closes, whether or not a request is on its way
			c.reload(site)
			var uploads sync.WaitGroup
			for range 20 {
				uploads.Go(upload)
			}
			uploads.Wait()
			want("after a reload", 20, "")
			for _, secret := range []string{"canary-old", "canary-new", "canary-unused"} {
				if strings.Contains(c.output.String(), secret) {
					t.Errorf("%s is logged", secret)
				}
			}
		})
	}
}

// checkSignedWith checks with which key signatures are made that are handed out.
func checkSignedWith(t *testing.T, address, secret string) {
	t.Helper()
	response, err := http.Get("http://" + address + "/")
	if err != nil {
		t.Fatal(err)
	}
	var pair struct{ SecureSignature, SecureExpire string }
	if err := json.Unmarshal([]byte(readAll(t, response)), &pair); err != nil || token.Sign(secret, pair.SecureExpire) != pair.SecureSignature {
		t.Errorf("the signature is not made with %s, %v", secret, err)
	}
}
