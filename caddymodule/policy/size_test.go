// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"math"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

func TestDeclaredLengthOfAForm(t *testing.T) {
	for name, c := range map[string]struct {
		policy  Policy
		length  int64
		allowed bool
	}{
		"as large as files may be":   {Policy{MaxFileSize: 1000, MaxFiles: 3}, 3000 + 1<<20, true},
		"one byte more":              {Policy{MaxFileSize: 1000, MaxFiles: 3}, 3001 + 1<<20, false},
		"the largest there is":       {Policy{MaxFileSize: 1000, MaxFiles: 3}, math.MaxInt64, false},
		"limits that overflow":       {Policy{MaxFileSize: math.MaxInt64, MaxFiles: 3}, math.MaxInt64, true},
		"limits that nearly do":      {Policy{MaxFileSize: math.MaxInt64 / 2, MaxFiles: 1}, math.MaxInt64, false},
		"small files":                {Policy{MaxFileSize: 1, MaxFiles: 1}, 1 << 20, true},
		"unknown":                    {Policy{MaxFileSize: 1000, MaxFiles: 3}, -1, true},
		"nothing":                    {Policy{MaxFileSize: 1000, MaxFiles: 3}, 0, true},
		"any number of files":        {Policy{MaxFileSize: 1000}, math.MaxInt64, true},
		"a number of files, no size": {Policy{MaxFiles: 1}, math.MaxInt64, true},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{uploadapi.Base, uploadapi.Iframe} {
				err := NewJudge(at(t, path), []*Rules{compile(t, c.policy)}).Length(c.length)
				if (err == nil) != c.allowed {
					t.Fatalf("%s: %v", path, err)
				}
				if err != nil {
					requireRefusal(t, err, uploadapi.ErrFileTooLarge, "max_file_size")
				}
			}
			// There the length is that of a few fields.
			if err := NewJudge(at(t, uploadapi.MultipartStart), []*Rules{compile(t, c.policy)}).Length(c.length); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestDeclaredSizeOfAFile(t *testing.T) {
	for value, allowed := range map[string]bool{
		"0": true, "1": true, "1000": true, "0001000": true, " 1000 ": true, "+1000": true, "\t1000\r\n": true,
		"": true, "many": true, "null": true, "undefined": true, "NaN": true, "+": true, "[object Object]": true, // no server takes them for a number
		"1001": false, "01001": false, " 1001": false, "+1001": false, "0000000000000001001": false,
		"99999999999999999999": false, "18446744073709551617": false, "-1": false, "-5000": false, "--5": false, "++5": false, "+ 5": false,
		"1e3": false, "1E9": false, "9e99": false, "1e1": false, "0x10": false, "0xffffffff": false, "0o17": false, "0b1": false, "1_0": false, "1,0": false,
		"1 0": false, "1.0": false, "1.": false, ".1": false, "10;5000": false, "10&5000": false, "10,5000": false, "10\x005000": false, "10\x00": false, "1k": false, "5GB": false,
		"Infinity": false, "inf": false, "-inf": false, "١٠": false, "５": false, "²": false, "½": false, "Ⅻ": false, "[5000]": false, `{"a":5000}`: false, `"5000"`: false,
		"10\u2003": false, strings.Repeat("9", 5000): false,
	} {
		rules := compile(t, Policy{MaxFileSize: 1000})
		err := NewJudge(at(t, uploadapi.MultipartStart), []*Rules{rules}).Field("size", value)
		if (err == nil) != allowed {
			t.Errorf("%q: %v", value, err)
		}
		if err != nil {
			requireRefusal(t, err, uploadapi.ErrMultipartTooLarge, "max_file_size")
			if len(err.Error()) > 300 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		}
	}
	t.Run("each that was sent", func(t *testing.T) {
		j := NewJudge(at(t, uploadapi.MultipartStart), []*Rules{compile(t, Policy{MaxFileSize: 1000})})
		if err := j.Field("size", "10"); err != nil {
			t.Fatal(err)
		}
		requireRefusal(t, j.Field("size", "1001"), uploadapi.ErrMultipartTooLarge, "max_file_size")
		requireRefusal(t, j.Finish(), uploadapi.ErrMultipartTooLarge, "max_file_size")
	})
}

func TestSizeIsCountedWhileAFilePasses(t *testing.T) {
	const limit = 10000
	named, nameless := file("", "a.jpg"), file("", "")
	for name, c := range map[string]struct {
		part    form.Part
		size    int
		allowed bool
	}{
		"as large as it may be":                  {*named, limit, true},
		"one byte more":                          {*named, limit + 1, false},
		"without a name":                         {*nameless, limit + 1, false},
		"a typed part without a name":            {form.Part{Name: []byte("a"), File: true, Types: []string{"text/plain"}}, limit + 1, false},
		"a typed field of the service":           {form.Part{Name: []byte("metadata[a]"), File: true, Types: []string{"text/plain"}}, limit + 1, false},
		"a form of its own":                      {form.Part{Name: []byte("a"), Nested: true}, limit + 1, false},
		"a part that is read in different ways":  {form.Part{Name: []byte("a"), Doubtful: true}, limit + 1, false},
		"an encoded file, which becomes smaller": {form.Part{Name: []byte("a"), File: true, FileNames: []string{"a"}, Encoded: true}, limit + 1, false},
		"a field, whose size is the service's":   {form.Part{Name: []byte("a")}, limit + 1, true},
		"a form of its own that is small":        {form.Part{Name: []byte("a"), Nested: true}, limit, true},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{uploadapi.Base, uploadapi.Iframe} {
				for _, pieces := range []int{1, 7, c.size} {
					j := NewJudge(at(t, path), []*Rules{compile(t, Policy{MaxFileSize: limit})})
					err := upload(j, &c.part, strings.Repeat("a", c.size), pieces)
					if (err == nil) != c.allowed {
						t.Fatalf("%s in %d pieces: %v", path, pieces, err)
					}
					if err != nil {
						requireRefusal(t, err, uploadapi.ErrFileTooLarge, "max_file_size")
					}
				}
			}
		})
	}
	t.Run("of each file", func(t *testing.T) {
		j := NewJudge(at(t, uploadapi.Base), []*Rules{compile(t, Policy{MaxFileSize: limit})})
		for range 5 {
			if err := upload(j, named, strings.Repeat("a", limit), 3); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Run("the piece that is too much is not passed on", func(t *testing.T) {
		j := NewJudge(at(t, uploadapi.Base), []*Rules{compile(t, Policy{MaxFileSize: limit})})
		if err := j.Begin(named); err != nil {
			t.Fatal(err)
		}
		if err := j.Content(make([]byte, limit)); err != nil {
			t.Fatal(err)
		}
		requireRefusal(t, j.Content([]byte("a")), uploadapi.ErrFileTooLarge, "max_file_size")
	})
	t.Run("a field in which some servers find a file", func(t *testing.T) {
		j := NewJudge(at(t, uploadapi.Base), []*Rules{compile(t, Policy{MaxFileSize: limit})})
		if err := j.Begin(&form.Part{Name: []byte("a")}); err != nil {
			t.Fatal(err)
		}
		if err := j.Content(make([]byte, limit)); err != nil {
			t.Fatal(err)
		}
		if err := j.Ambiguous(); err != nil {
			t.Fatal(err)
		}
		requireRefusal(t, j.Content([]byte("a")), uploadapi.ErrFileTooLarge, "max_file_size")
	})
	t.Run("a large field in which some servers find a file", func(t *testing.T) {
		j := NewJudge(at(t, uploadapi.Base), []*Rules{compile(t, Policy{MaxFileSize: limit})})
		if err := j.Begin(&form.Part{Name: []byte("a")}); err != nil {
			t.Fatal(err)
		}
		if err := j.Content(make([]byte, limit+1)); err != nil {
			t.Fatal(err)
		}
		requireRefusal(t, j.Ambiguous(), uploadapi.ErrFileTooLarge, "max_file_size")
	})
	t.Run("a file between the parts", func(t *testing.T) {
		j := NewJudge(at(t, uploadapi.Base), []*Rules{compile(t, Policy{MaxFileSize: limit})})
		requireRefusal(t, j.Ambiguous(), uploadapi.ErrFileTooLarge, "max_file_size")
	})
}

func TestNumberOfFiles(t *testing.T) {
	few := Policy{MaxFiles: 2}
	named := file("image/png", "a.png")
	for name, c := range map[string]struct {
		parts   []form.Part
		content string
		allowed bool
	}{
		"as many as there may be":        {[]form.Part{*named, *named}, "a", true},
		"one more":                       {[]form.Part{*named, *named, *named}, "a", false},
		"one more that is empty":         {[]form.Part{*named, *named, *named}, "", false},
		"one more without a name":        {[]form.Part{*named, *named, *file("", "")}, "a", false},
		"inputs without a file":          {[]form.Part{*named, *named, *file("application/octet-stream", ""), *file("", "")}, "", true},
		"fields":                         {[]form.Part{{Name: []byte("a")}, {Name: []byte("b")}, {Name: []byte("c")}}, "a", true},
		"typed fields of the service":    {[]form.Part{typed("UPLOADCARE_PUB_KEY"), typed("UPLOADCARE_STORE"), typed("metadata[a]"), *named, *named}, "a", true},
		"stale fields":                   {[]form.Part{typed("xxxxxxxxx"), typed("xxxxxx"), {Name: []byte("xxxxxx"), File: true}, *named, *named}, "xx", true},
		"others that are called so":      {[]form.Part{typed("xxxxxxxxx"), {Name: []byte("xxxxxx"), File: true}, *named}, "xxaxx", false},
		"other typed parts":              {[]form.Part{typed("a"), typed("b"), typed("c")}, "a", false},
		"a form of its own":              {[]form.Part{{Name: []byte("a"), Nested: true, Multipart: true, Types: []string{"multipart/mixed"}}}, "a", false},
		"a form of its own, as text":     {[]form.Part{{Name: []byte("a"), Nested: true, Multipart: true, Types: []string{"text/plain"}}}, "a", false},
		"a form of its own, without one": {[]form.Part{{Name: []byte("a"), Nested: true, Multipart: true}}, "a", false},
		"urlencoded parts":               {[]form.Part{{Name: []byte("a"), Nested: true, Types: []string{"application/x-www-form-urlencoded"}}, *named}, "a", true},
		"doubtful parts":                 {[]form.Part{{Name: []byte("a"), Doubtful: true}, *named, *named}, "a", false},
	} {
		t.Run(name, func(t *testing.T) {
			for path, refusal := range map[string]*uploadapi.Error{uploadapi.Base: uploadapi.ErrTooManyFiles, uploadapi.Iframe: uploadapi.ErrIframeTooManyFiles} {
				j := NewJudge(at(t, path), []*Rules{compile(t, few)})
				var err error
				for i := range c.parts {
					if err = upload(j, &c.parts[i], c.content, 1); err != nil {
						break
					}
				}
				if (err == nil) != c.allowed {
					t.Fatalf("%s: %v", path, err)
				}
				if err != nil {
					requireRefusal(t, err, refusal, "max_files")
				}
			}
		})
	}
	t.Run("servers disagree where a part begins", func(t *testing.T) {
		requireRefusal(t, NewJudge(at(t, uploadapi.Base), []*Rules{compile(t, few)}).Ambiguous(), uploadapi.ErrTooManyFiles, "max_files")
	})
}

// typed is a field as SDKs for Java, .NET and Dart send it.
func typed(name string) form.Part {
	return form.Part{Name: []byte(name), File: true, Types: []string{"text/plain"}}
}
