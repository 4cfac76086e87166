// SPDX-License-Identifier: Apache-2.0

package form_test

import (
	"fmt"
	"io"
	"strings"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
)

func ExampleEditor() {
	upload := strings.ReplaceAll(`--b
Content-Disposition: form-data; name="expire"

1454903856
--b
Content-Disposition: form-data; name="file"; filename="a.txt"

Hello
--b--
`, "\n", "\r\n")

	editor := form.NewEditor(io.NopCloser(strings.NewReader(upload)), form.Edit{
		Boundary:    "b",
		Stale:       form.NewNames("expire"),
		Fresh:       func() ([]form.Field, error) { return []form.Field{{Name: "expire", Value: "1893456000"}}, nil },
		FreshLength: form.EncodedLength("b", "expire", 10),
	})
	edited, err := io.ReadAll(editor)
	fmt.Println(strings.ReplaceAll(string(edited), "\r\n", "\n"), err)
	// Output:
	// --b
	// Content-Disposition: form-data; name="xxxxxx"
	//
	// xxxxxxxxxx
	// --b
	// Content-Disposition: form-data; name="file"; filename="a.txt"
	//
	// Hello
	// --b
	// Content-Disposition: form-data; name="expire"
	//
	// 1893456000
	// --b--
	//  <nil>
}
