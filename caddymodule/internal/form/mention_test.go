// SPDX-License-Identifier: Apache-2.0

package form

import (
	"io"
	"strings"
	"testing"
)

func TestEditorCountsFiles(t *testing.T) {
	in := body(field("a", "b"), file("file", "a.png", "1"), file("file", "", ""), "Content-Disposition: form-data; name=file; filename*=utf-8''b.png\r\n\r\n2", field("signature", "c"))
	editor := NewEditor(io.NopCloser(strings.NewReader(in)), testEdit(testBoundary, nil))
	if _, err := io.Copy(io.Discard, editor); err != nil || editor.Files() != 2 {
		t.Errorf("error %v, %d files, want 2", err, editor.Files())
	}
}

// What clients really write is never refused because a credential is mentioned.
func TestEditorTakesWhatOnlyMentionsACredential(t *testing.T) {
	for name, header := range map[string]string{
		"a name with more":        `form-data; name="my_signature"`,
		"a name that begins so":   `form-data; name="signature_pad"`,
		"metadata":                `form-data; name="metadata[signature]"`,
		"a file name":             `form-data; name="file"; filename="signature.png"`,
		"several words":           `form-data; name="file"; filename="expired licence.pdf"`,
		"escaped quotes":          `form-data; name="file"; filename="my \"signature\".png"`,
		"raw quotes":              `form-data; name="file"; filename="my "signature".png"`,
		"a semicolon and a sign":  `form-data; name="file"; filename="signature; a=b.png"`,
		"a Windows path":          `form-data; name="file"; filename="C:\signature.png"`,
		"dotnet":                  `form-data; name=file; filename=signature.png; filename*=utf-8''signature.png`,
		"the file name first":     `form-data; filename="signature.png"; name="file"`,
		"a semicolon at the end":  `form-data; name="file"; filename="signature.png";`,
		"another parameter":       `form-data; name="file"; filename="signature.png"; size=12`,
		"another case":            `form-data; name="file"; fileName="signature.png"`,
		"another disposition":     `attachment; name="file"; filename="signature.png"`,
		"the name of a header":    `form-data; name="file"; filename="content-disposition.pdf"`,
		"an encoded name":         `form-data; name="=?utf-8?B?w7xtbGF1dA==?="; filename="signature.png"`,
		"an identifier beside it": "form-data; name=\"file\"; filename=\"a.png\"\r\nContent-ID: <signature.png>",
		"one beside one letter":   "form-data; name=\"f\"; filename=\"a.png\"\r\nContent-ID: <signature>",
		"a description beside it": "form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Description: digital signature",
		"an address beside it":    "form-data; name=\"file\"; filename=\"a.png\"\r\nX-Source: https://example.com/?name=signature",
		"a type with a name":      "form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png; name=\"signature.png\"",
	} {
		t.Run(name, func(t *testing.T) {
			part := "Content-Disposition: " + header + "\r\n\r\ncontent"
			got, err := readEdited(strings.NewReader(body(part)), testEdit(testBoundary, nil))
			if err != nil || got != signed(part) {
				t.Errorf("error %v\ngot %q", err, got)
			}
		})
	}
}
