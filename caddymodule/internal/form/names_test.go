// SPDX-License-Identifier: Apache-2.0

package form

import "testing"

func TestNamesResemble(t *testing.T) {
	names := NewNames("signature", "UPLOADCARE_PUB_KEY")
	for name, want := range map[string]bool{
		"signature": true, "SIGNATURE": true, " signature ": true, "sig.nature": true, "signature[]": true, "signature\x00x": true,
		"signature=x": true, "sign%61ture": true, "uploadcare.pub key": true,
		"": false, "sign": false, "signature2": false, "x[signature]": false, "x=signature": false, "sign%62ture": false,
	} {
		if got := names.resemble([]byte(name)); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
}

func TestCountFold(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "nam": 0, "name": 1, "NAME": 1, "filename": 1, "name; nAmE": 2, "namename": 2, "xnam": 0, "\x0eame": 0,
	} {
		if got := countFold([]byte(text), "name"); got != want {
			t.Errorf("%q: %d", text, got)
		}
	}
}
