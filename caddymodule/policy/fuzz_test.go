// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// FuzzJudge looks for forms whose verdict depends on how they are sliced, and for forms
// that are allowed although mime/multipart reads a file in them that is not.
func FuzzJudge(f *testing.F) {
	const boundary = "b"
	random := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // repeatable
	for range 20 {
		if body := randomForm(random, boundary); len(body) < 1000 { // large ones take long to minimize
			f.Add(body, uint8(random.IntN(8)))
		}
	}
	for _, header := range []string{
		"Content-Disposition: form-data; name=a; filename=a.png; filename=a.exe", "Content-Disposition: form-data; name=a; filename*=utf-8''a%2Eexe",
		"Content-Disposition: form-data; name=a\r\nContent-Type: multipart/mixed; boundary=c", "Content-Disposition: form-data; name=a; filename=\"a.exe\\\".png\"",
		"Content-Disposition: form-data; name=a; filename=a.png\r\nContent-Transfer-Encoding: base64", "content-type: text/html\ncontent-disposition: form-data; name=a",
	} {
		f.Add([]byte("--b\r\n"+header+"\r\n\r\nMZ\r\n--b--\r\n"), uint8(7))
	}
	f.Add([]byte("--b\r\nContent-Disposition: form-data; name=a\r\n\r\na\n--b\nContent-Disposition: form-data; name=b; filename=a.exe\n\nMZ\r\n--b--\r\n"), uint8(1))
	f.Fuzz(func(t *testing.T, body []byte, options uint8) {
		var p Policy
		if options&1 != 0 {
			p.Types = []string{"image/*", ".csv", "application/zip"}
		}
		if options&2 != 0 {
			p.MaxFileSize = 50
		}
		if options&4 != 0 {
			p.MaxFiles = 1
		}
		rules := compile(t, p)
		verdict := func(most int) error {
			j := NewJudge(at(t, uploadapi.Base), []*Rules{rules})
			if j == nil {
				j = NewJudge(at(t, uploadapi.Base), []*Rules{compile(t, Policy{Store: "1"})})
			}
			_, err := edit(&slicedReader{bytes.NewReader(body), random, most}, boundary, j, j.Finish)
			return err
		}
		whole, sliced := verdict(1<<20), verdict(3)
		if (whole == nil) != (sliced == nil) {
			t.Fatalf("%v, and in pieces: %v", whole, sliced)
		}
		if whole == nil {
			requireAllowed(t, rules, body, boundary)
		}
	})
}

// requireAllowed fails if mime/multipart reads a file in a form that rules forbid.
func requireAllowed(t *testing.T, rules *Rules, body []byte, boundary string) {
	t.Helper()
	reader, files := multipart.NewReader(bytes.NewReader(body), boundary), 0
	for rules != nil {
		part, err := reader.NextRawPart()
		if err != nil {
			return
		}
		name := part.FileName()
		content, err := io.ReadAll(part)
		if err != nil || name == "" {
			continue
		}
		files++
		var said claims
		said.name(name)
		said.declare(part.Header.Get("Content-Type"))
		switch {
		case rules.maxFiles > 0 && files > rules.maxFiles, rules.maxFileSize > 0 && int64(len(content)) > rules.maxFileSize:
			t.Fatalf("%q, of %d bytes, is file %d", name, len(content), files)
		case rules.types == nil:
		case rules.types.judgeClaims(&said) != "" || rules.types.judgeContents(sniff(content), &said) != "":
			t.Fatalf("%q, declared as %q, is sniffed as %q", name, part.Header.Get("Content-Type"), sniff(content))
		}
	}
}
