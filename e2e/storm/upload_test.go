// SPDX-License-Identifier: Apache-2.0

package main

import "testing"

func TestAStormHasUploadsOfAllKinds(t *testing.T) {
	t.Parallel()
	const count = 20_000
	protocols, flaws, endpoints := make(map[protocol]int), make(map[flaw]int), make(map[string]int)
	encodings, sent := make(map[encoding]int), make(map[credential]int)
	for id := range count {
		u := uploadOf(1, id, 3)
		if u != uploadOf(1, id, 3) {
			t.Fatalf("upload %d is another the second time", id)
		}
		protocols[u.protocol]++
		flaws[u.flaw]++
		endpoints[u.endpoint]++
		encodings[u.encoding]++
		sent[u.credential]++
		if u.gateway < 0 || u.gateway > 2 {
			t.Errorf("upload %d is for gateway %d", id, u.gateway)
		}
	}
	if len(protocols) != 4 || len(endpoints) != 5 || len(encodings) != 3 || len(sent) != int(credentials) {
		t.Errorf("protocols %v, endpoints %v, encodings %v, credentials %v", protocols, endpoints, encodings, sent)
	}
	for f := range leavesLate + 1 {
		if flaws[f] < count/1000 {
			t.Errorf("%d of %d uploads are %s", flaws[f], count, f)
		}
	}
	if flaws[sound] < count*8/10 {
		t.Errorf("%d of %d uploads are sound", flaws[sound], count)
	}
}
