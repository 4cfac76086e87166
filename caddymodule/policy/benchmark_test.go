// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// BenchmarkForm edits forms with one picture, with all rules and without.
func BenchmarkForm(b *testing.B) {
	rules := compile(b, Policy{MaxFileSize: 1 << 40, MaxFiles: 10, Types: []string{"image/*", "video/mp4", ".pdf"}})
	endpoint, buffer := at(b, uploadapi.Base), make([]byte, 32<<10)
	for name, size := range map[string]int{"20KiB": 20 << 10, "64MiB": 64 << 20} {
		body := []byte("--b0123456789\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n" +
			contents["jpeg"] + strings.Repeat("\x01\x02", size/2) + "\r\n--b0123456789--\r\n")
		run := func(b *testing.B, newJudge func() *Judge) {
			b.Helper()
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				j, observed := newJudge(), form.Observer(nil)
				if j.Observes() {
					observed = j
				}
				e := form.NewEditor(io.NopCloser(bytes.NewReader(body)), form.Edit{
					Boundary: "b0123456789", Stale: form.NewNames("signature"), Observer: observed, Fresh: func() ([]form.Field, error) { return nil, j.Finish() },
				})
				if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, e, buffer); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.Run(name+"/without", func(b *testing.B) { run(b, func() *Judge { return nil }) })
		b.Run(name+"/with", func(b *testing.B) { run(b, func() *Judge { return NewJudge(endpoint, []*Rules{rules}) }) })
	}
}
