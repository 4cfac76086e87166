// SPDX-License-Identifier: Apache-2.0

package command_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/command"
	"github.com/caddy-uploadcare/caddy-uploadcare/e2e/loopback"
)

const (
	here  = "127.0.0.1"
	there = "192.0.2.1" // of no machine (RFC 5737)
)

// nameServer knows one address, whichever name it is asked for.
func nameServer(t *testing.T, address string) string {
	t.Helper()
	server, stop, err := loopback.ServeAddresses(func(string) []netip.Addr {
		if address == "" {
			return nil
		}
		return []netip.Addr{netip.MustParseAddr(address)}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stop() })
	return server
}

// The name of a site of the transparent recipe leads here by the machine's own DNS. Where its
// uploads go is what the transport's resolvers say, of which each may be asked.
func TestALoopIsLookedForByTheResolversOfTheTransport(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	away, back, without := nameServer(t, there), nameServer(t, here), nameServer(t, "")
	for name, test := range map[string]struct{ machine, resolvers, verdict, text, remedy string }{
		"none, and the machine's leads here":        {back, "", "failed", "is this machine (127.0.0.1), on a port on which the site listens: uploads would come back here", "with `resolvers` in the transport"},
		"none, and the machine's leads away":        {away, "", "ok", "no upstream's address is this site's own", ""},
		"none, and the machine's has no such name":  {without, "", "ok", "could not be looked up", ""},
		"they lead away, and the machine's here":    {back, away, "ok", "no upstream's address is this site's own", ""},
		"they lead here, and the machine's away":    {away, back, "failed", "uploads would come back here", back + " in `resolvers` must be name servers that do not lead to this machine"},
		"one leads away, and another here":          {back, away + " " + back, "failed", "uploads would come back here", away + " and " + back + " in `resolvers`"},
		"one leads away, and another has no name":   {back, away + " " + without, "warning", "the name server " + without + ", of `resolvers`, does not find it: no such host", "that know the service"},
		"one leads away, and another does not talk": {back, away + " " + silent.LocalAddr().String(), "warning", silent.LocalAddr().String() + ", of `resolvers`, does not find it", "that this machine can ask"},
	} {
		for _, transport := range []string{"uploadcare", "http"} {
			t.Run(name+", by "+transport, func(t *testing.T) {
				leadTo(t, test.machine)
				options := "dial_timeout 100ms\n"
				if test.resolvers != "" {
					options += "\t\t\tresolvers " + test.resolvers + "\n"
				}
				began := time.Now()
				all, _ := check(t, "http://upload.uploadcare.com:8081 {\n\tuploadcare {\n\t\tproject demopublickey\n\t\tsecret_key "+canary+"\n\t\tcallers anyone\n\t\tinsecure_http\n\t\tupstream http://upload.uploadcare.com:8081\n\t\ttransport "+transport+" {\n\t\t\t"+options+"\t\t}\n\t}\n}\n")
				if took := time.Since(began); took > 20*time.Second {
					t.Errorf("it took %s", took)
				}
				for _, one := range all {
					if one.Check == "loop" {
						if one.Verdict != test.verdict || !strings.Contains(one.Text, test.text) || !strings.Contains(one.Remedy, test.remedy) {
							t.Errorf("got %+v", one)
						}
						return
					}
				}
				t.Errorf("not found: %+v", all)
			})
		}
	}
}

// leadTo has this machine's own lookups ask a name server, until the test ends.
func leadTo(t *testing.T, server string) {
	t.Helper()
	command.ResolveBy(t, &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server)
	}})
}
