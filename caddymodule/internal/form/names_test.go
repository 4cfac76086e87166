// SPDX-License-Identifier: Apache-2.0

package form

import (
	"strings"
	"testing"
)

func TestNamesResemble(t *testing.T) {
	names := NewNames("signature", "UPLOADCARE_PUB_KEY", "pub_key")
	for name, want := range map[string]bool{
		"signature": true, "SIGNATURE": true, " signature ": true, "\tsignature\r\n": true, "signature[]": true, "signature[a][b]": true, "signature\x00x": true,
		"signature;x": true, "signature=x": true, "signature&x": true, "signature, x": true, "signature:x": true, "[signature]": true, "[[signature": true, "]signature": true, "sign%61ture": true,
		"%u0073ignature": true, "%75signature": false, "%u1073ignature": false, "signature%00": true, "s%ignature": true, "utf-8''signature": true, "UTF-8'en'%73ignature": true, "'en'signature": true, "%0asignatu%re": true, "\"signature\"": true, "'signature'": true, `sign\ature`: true, "signature\"": true,
		"\u00a0signature\u2003": true, "signa\x07ture": true, "=?utf-8?q?signature?=": true, "=?utf-8?B?c2lnbmF0dXJl?=": true,
		"=?utf-8?q?signa?= =?x?q?ture?=": true, "=?utf-16le?B?cwBpAGcAbgBhAHQAdQByAGUA?=": true,
		"uploadcare.pub key": true, "UPLOADCARE[PUB_KEY": true, "UPLOADCARE[PUB_KEY\x00x": true, "UPLOADCARE_PUB_KEY\t": true, "pub.key": true, "PUB_KEY[0]": true,
		"": false, "sign": false, "signature2": false, "x[signature]": false, "x=signature": false, "x;signature": false, "sign%62ture": false, "my_signature": false,
		"signature_": false, "_signature": false, "sig-nature": false, "signature.png": false, "signature-old": false, "ſignature": false, "=?utf-8?q?other?=": false,
		"sign ature": false, "=?": false, "%": false,
	} {
		if got := names.resemble([]byte(name)); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
	for _, name := range []string{"a", "A", "z", "Z"} { // the ends of the alphabet
		if set := NewNames("a", "z"); set.findPlain([]byte(name)) == "" || !set.resemble([]byte(name)) {
			t.Errorf("%q: false", name)
		}
	}
	if (*Names)(nil).resemble([]byte("signature")) || (*Names)(nil).findPlain([]byte("signature")) != "" {
		t.Error("a nil set has a name")
	}
}

func TestNamesHiddenInDoubtfulText(t *testing.T) {
	names := NewNames("signature", "UPLOADCARE_PUB_KEY")
	for text, want := range map[string]bool{
		"name=signature": true, "x-name = 'signature'": true, "na me=signature": true, "\u00a0name*=utf-8''signature": true, "name*0=signa; name*1=ture": true,
		"x; name*0*=utf-8''sig; y; NAME *1 = nature": true, "filename=\"signature\"": true, "name=%73ignature": true, "n%61me=signature": true, "name=%u0073ignature": true,
		"name==?utf-8?q?signature?=": true, "name=uploadcare.pub-key": true, `name="sign\ature"`: true, "name=\r\n signature": true,
		"": false, "signature": false, "signature; name=x": false, strings.Repeat("y", maxKeySize) + "; x=signature": false, "nam=signature": false, "name=x": false, "name=sign": false, "name*0=a; name*1=b": false,
	} {
		if got := names.hidden([]byte(text)); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}
