// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"net/netip"
	"strconv"
	"testing"
)

func TestAddressesThatAFetchMayReach(t *testing.T) {
	for address, want := range map[string]bool{
		"93.184.215.14": true, "8.8.8.8": true, "2606:4700::1111": true,
		"127.0.0.1": false, "127.9.9.9": false, "::1": false, "0.0.0.0": false, "::": false, "10.0.0.1": false, "172.16.0.1": false,
		"192.168.1.1": false, "169.254.169.254": false, "fe80::1": false, "fd00::1": false, "100.64.0.1": false, "224.0.0.1": false,
		"255.255.255.255": false, "240.0.0.1": false, "ff02::1": false, "::ffff:10.0.0.1": false, "64:ff9b::a00:1": false, "2002:a00:1::": false,
		"198.18.0.1": false, "203.0.113.1": false, "2001:db8::1": false,
	} {
		to := netip.AddrPortFrom(netip.MustParseAddr(address), 80)
		if got := (reach{}).address(to); got != want {
			t.Errorf("%s: %v, want %v", address, got, want)
		}
		if !(reach{private: true}).address(to) {
			t.Errorf("%s is out of reach with allow_private_sources", address)
		}
	}
	for to, want := range map[string]bool{
		"10.0.0.1:8081": true, "127.0.0.1:8081": true, "[::1]:8081": true, "[::ffff:10.0.0.1]:8081": true,
		"10.0.0.1:80": false, "127.0.0.1:8080": false, "10.0.0.2:8081": false,
	} {
		self := reach{self: netip.MustParseAddrPort("10.0.0.1:8081")}
		if got := self.address(netip.MustParseAddrPort(to)); got != want {
			t.Errorf("the sandbox at 10.0.0.1:8081 asked for %s: %v, want %v", to, got, want)
		}
	}
}

func TestTheOldestEntriesAreForgotten(t *testing.T) {
	var memory recent[int]
	for i := range recentLimit + 2 {
		memory.put(strconv.Itoa(i), i)
		memory.put(strconv.Itoa(i), i) // again
	}
	if _, known := memory.get("1"); known || len(memory.entries) != recentLimit || len(memory.order) != recentLimit {
		t.Errorf("%d entries in an order of %d", len(memory.entries), len(memory.order))
	}
	if value, known := memory.get("2"); !known || value != 2 {
		t.Errorf("entry 2 = %d, %v", value, known)
	}
}
