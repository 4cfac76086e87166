// SPDX-License-Identifier: Apache-2.0

package hop_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/hop"
)

func TestHeadersForThisHopAreTakenOut(t *testing.T) {
	for connection, want := range map[string]struct{ left, connection string }{
		"":                            {"A B C Upgrade", ""},
		"close":                       {"A B C Upgrade", ""},
		"keep-alive, a":               {"B C Upgrade", ""},
		" A ,b\t;c":                   {"Upgrade", ""},
		"upgrade":                     {"A B C Upgrade", "upgrade"},
		"a;Upgrade, b":                {"C Upgrade", "Upgrade"},
		"Connection, ,,a":             {"B C Upgrade", ""},
		"upgrade, connection, a":      {"B C Upgrade", "upgrade"},
		"not a name, a b, a":          {"B C Upgrade", ""},
		"keep-alive;Upgrade;a , b , ": {"C Upgrade", "Upgrade"},
	} {
		header := http.Header{"A": {"1"}, "B": {"2", "3"}, "C": {"4"}, "Upgrade": {"websocket"}}
		if connection != "" {
			header["Connection"] = strings.Split(connection, ";")
		}
		hop.DropNominated(header)
		var left []string
		for _, name := range []string{"A", "B", "C", "Upgrade"} {
			if len(header[name]) > 0 {
				left = append(left, name)
			}
		}
		if got := strings.Join(left, " "); got != want.left || header.Get("Connection") != want.connection {
			t.Errorf("%q: left %s, with %q", connection, got, header["Connection"])
		}
	}
}
