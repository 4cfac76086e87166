// SPDX-License-Identifier: Apache-2.0

package command_test

import (
	"strings"
	"testing"
)

// What is in a named route, or behind the block that the gateway is in, is found as if it
// stood in its place.
func TestNamedRoutesAreFollowed(t *testing.T) {
	upstream := start(t, service(0))
	address := strings.TrimPrefix(upstream, "http://")
	const (
		password = "basic_auth {\n\t\tsomeone $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG\n\t}\n"
		project  = "project demopublickey {\n\t\tsecret_key " + canary + "\n\t\tcallers checked\n\t}\n"
		sign     = "uploadcare_sign {\n\t" + project + "}\n"
	)
	for name, caddyfile := range map[string]string{
		"a password":            "&(auth) {\n\t" + password + "}\nhttp://gateway.localhost:8081 {\n\tinvoke auth\n\tuploadcare {\n\t" + project + "\tupstream " + upstream + "\n\t}\n}\n",
		"a proxy":               "&(up) {\n\treverse_proxy " + address + "\n}\nhttp://gateway.localhost:8081 {\n\troute {\n\t" + password + sign + "\tinvoke up\n\t}\n}\n",
		"the gateway alone":     "&(sign) {\n\t" + sign + "}\nhttp://gateway.localhost:8081 {\n\troute {\n\t" + password + "\tinvoke sign\n\treverse_proxy " + address + "\n\t}\n}\n",
		"the gateway in blocks": "http://gateway.localhost:8081 {\n\troute {\n\troute {\n\t" + password + sign + "\t}\n\t}\n\treverse_proxy " + address + "\n}\n",
	} {
		t.Run(name, func(t *testing.T) {
			all, code := check(t, caddyfile, "--live")
			live := false
			for _, one := range all {
				if one.Verdict != "ok" {
					t.Errorf("got %+v", one)
				}
				live = live || one.Check == "live"
			}
			if code != 0 || !live {
				t.Errorf("exit code %d, %+v", code, all)
			}
		})
	}
}
