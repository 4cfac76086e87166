// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// judgeFields shows fields, written as name=value, to a judge of one project's policy.
func judgeFields(t *testing.T, path string, p Policy, fields ...string) error {
	t.Helper()
	rules := compile(t, p)
	j := NewJudge(at(t, path), []*Rules{rules})
	for _, field := range fields {
		name, value, _ := strings.Cut(field, "=")
		if !slices.Contains(j.Watched(), name) {
			t.Fatalf("%s is not watched", name)
		}
		if err := j.Field(name, value); err != nil {
			return err
		}
	}
	if err := j.Choose(rules); err != nil {
		return err
	}
	return j.Finish()
}

func TestTypesOfAFileWhosePartsGoElsewhere(t *testing.T) {
	for name, c := range map[string]struct {
		fields  []string
		allowed bool
	}{
		"type and name":                {[]string{"filename=a.png", "content_type=image/png"}, true},
		"name alone":                   {[]string{"filename=a.png"}, true},
		"type alone":                   {[]string{"content_type=image/png"}, true},
		"undeclared":                   {[]string{"filename=a.png", "content_type=application/octet-stream"}, true},
		"empty type":                   {[]string{"filename=a.png", "content_type="}, true},
		"with parameters":              {[]string{"filename=a", "content_type=Image/PNG; a=b"}, true},
		"a type that Windows declares": {[]string{"filename=a.csv", "content_type=application/vnd.ms-excel"}, true},
		"the same in another order":    {[]string{"content_type=application/vnd.ms-excel", "filename=a.csv"}, true},
		"another type":                 {[]string{"filename=a.png", "content_type=text/html"}, false},
		"another name":                 {[]string{"filename=a.exe", "content_type=image/png"}, false},
		"another of two names":         {[]string{"filename=a.png", "filename=a.exe"}, false},
		"another of two types":         {[]string{"content_type=text/html", "content_type=image/png"}, false},
		"NUL in the name":              {[]string{"filename=a.exe\x00.png"}, false},
		"a comma in the type":          {[]string{"content_type=image/png,text/html"}, false},
		"nothing":                      {nil, false},
		"nothing that says anything":   {[]string{"filename=blob", "content_type=application/octet-stream"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := judgeFields(t, uploadapi.MultipartStart, Policy{Types: []string{"image/*", ".csv"}}, c.fields...)
			if (err == nil) != c.allowed {
				t.Fatal(err)
			}
			if err != nil {
				requireRefusal(t, err, uploadapi.ErrFileType, "types: ")
			}
		})
	}
}

func TestTypesOfAFileThatIsFetched(t *testing.T) {
	for name, c := range map[string]struct {
		fields  []string
		allowed bool
	}{
		"by its path": {[]string{"source_url=https://a.test/b/c.png?d=e.exe#f.exe"}, true},
		"by its name": {[]string{"source_url=https://a.test/b", "filename=c.png"}, true},
		"by both":     {[]string{"filename=c.png", "source_url=https://a.test/b.jpg"}, true},
		"a name, and a path that ends in a number": {[]string{"filename=c.png", "source_url=https://a.test/v1.2"}, true},
		"a name, and a path of no known extension": {[]string{"filename=c.png", "source_url=https://a.test/a.v2"}, true},
		"an empty name":                         {[]string{"filename=", "source_url=https://a.test/b.png"}, true},
		"an escaped path":                       {[]string{"source_url=https://a.test/%61.%70ng"}, true},
		"no address, which the service refuses": {[]string{"filename=c.exe"}, true},
		"an empty address":                      {[]string{"source_url="}, true},
		"path parameters":                       {[]string{"source_url=https://a.test/b.png;v=1"}, true},
		"a path with blanks":                    {[]string{"source_url=https://a.test/my photo \u3000 1.png"}, true},
		"before a blank":                        {[]string{"source_url=https://a.test/b.exe c.png"}, false},
		"before a blank, and a slash":           {[]string{"source_url=https://a.test/b.exe d/c.png"}, false},
		"neither":                               {[]string{"source_url=https://a.test/b"}, false},
		"the extension of the host":             {[]string{"source_url=https://a.png"}, false},
		"the extension of the host and a slash": {[]string{"source_url=https://a.png/"}, false},
		"in the query":                          {[]string{"source_url=https://a.test/b?c.png"}, false},
		"in the fragment":                       {[]string{"source_url=https://a.test/b#c.png"}, false},
		"a folder":                              {[]string{"source_url=https://a.test/c.png/"}, false},
		"another path":                          {[]string{"source_url=https://a.test/b.exe"}, false},
		"another path, and a name":              {[]string{"filename=c.png", "source_url=https://a.test/b.exe"}, false},
		"an unknown extension":                  {[]string{"source_url=https://a.test/b.v2"}, false},
		"another name":                          {[]string{"filename=c.exe", "source_url=https://a.test/b.png"}, false},
		"one of two addresses":                  {[]string{"source_url=https://a.test/b.png", "source_url=https://a.test/b.exe"}, false},
		"an escaped extension":                  {[]string{"source_url=https://a.test/b.png%2Eexe"}, false},
		"an escaped NUL":                        {[]string{"source_url=https://a.test/b.exe%00.png"}, false},
		"before parameters":                     {[]string{"source_url=https://a.test/b.exe;.png"}, false},
		"an address that is none":               {[]string{"source_url=a.test/b.png"}, false},
		"an address that is none, and a name":   {[]string{"filename=c.png", `source_url=https://a.test\b.png`}, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := judgeFields(t, uploadapi.FromURL, Policy{Types: []string{"image/*"}}, c.fields...)
			if (err == nil) != c.allowed {
				t.Fatal(err)
			}
			if err != nil {
				requireRefusal(t, err, uploadapi.ErrFileType, "types: ")
			}
		})
	}
}

func TestEverySourceIsJudged(t *testing.T) {
	p := Policy{FromURL: []string{"*.example.com"}}
	if err := judgeFields(t, uploadapi.FromURL, p, "source_url=https://a.example.com/", "source_url="); err != nil {
		t.Fatal(err)
	}
	err := judgeFields(t, uploadapi.FromURL, p, "source_url=https://a.example.com/", "source_url=https://evil.test/")
	requireRefusal(t, err, ErrSourceURL, "from_url")
}

// Invariant 8: what the log says of a refused address has nothing of it but the host.
func TestInvariant8RefusedAddressesKeepTheirCredentials(t *testing.T) {
	for name, c := range map[string]struct{ address, says string }{
		"the query of another host":       {"https://files.test/a.exe?X-Amz-Signature=canary", "files.test"},
		"the path of another host":        {"https://files.test:8443/canary/a.exe", "files.test:8443"},
		"the fragment of another host":    {"https://files.test/a.exe#canary", "files.test"},
		"a password":                      {"https://user:canary@cdn.example.org/a.exe", "user information"},
		"a password in a broken address":  {"https://user:canary@/a.exe", "user information"},
		"a password behind a wrong port":  {"https://cdn.example.org:canary/a.exe", "host"},
		"a name that is no host":          {"https://canary_!/a.exe", "host"},
		"a password in another scheme":    {"ftp://user:canary@cdn.example.org/a.exe", "http://"},
		"a query of an address with a \\": {`https://cdn.example.org\a.exe?X-Amz-Signature=canary`, "backslash"},
		"a query that is not UTF-8":       {"https://cdn.example.org/a.exe?\xff&sig=canary", "UTF-8"},
		"a host that is not IDNA":         {"https://xn--canary-\u00df.example.org/a.exe", "host"},
	} {
		t.Run(name, func(t *testing.T) {
			for option, p := range map[string]Policy{"from_url": {FromURL: []string{"cdn.example.org"}}, "types": {Types: []string{"image/*"}}} {
				err := judgeFields(t, uploadapi.FromURL, p, "source_url="+c.address)
				switch {
				case err == nil, strings.Contains(err.Error(), "canary"), !strings.Contains(err.Error(), option+": "):
					t.Errorf("%s: %v", option, err)
				case option == "from_url" && !strings.Contains(err.Error(), c.says):
					t.Errorf("%v does not say %s", err, c.says)
				}
			}
		})
	}
}

// A charset other than UTF-8 is held against a host beyond ASCII, whichever was seen first.
func TestHostsBeyondASCIIInACharset(t *testing.T) {
	for name, c := range map[string]struct {
		policy  Policy
		address string
		allowed bool
	}{
		"beyond ASCII":                 {Policy{FromURL: []string{"bücher.example"}}, "https://bücher.example/a.jpg", false},
		"in ASCII":                     {Policy{FromURL: []string{"bücher.example"}}, "https://xn--bcher-kva.example/a.jpg", true},
		"in ASCII, not so its path":    {Policy{FromURL: []string{"cdn.example.org"}}, "https://cdn.example.org/фото.jpg", true},
		"where every host is allowed":  {Policy{Types: []string{".jpg"}}, "https://bücher.example/a.jpg", true},
		"none that anything is got of": {Policy{FromURL: []string{"cdn.example.org"}}, "", true},
	} {
		for _, before := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, before it %v", name, before), func(t *testing.T) {
				j := NewJudge(at(t, uploadapi.FromURL), []*Rules{compile(t, c.policy)})
				judges := []func() error{j.Foreign, func() error { return j.Field(uploadapi.ParamSourceURL, c.address) }}
				if !before {
					slices.Reverse(judges)
				}
				if err := judges[0](); err != nil {
					t.Fatal(err)
				}
				if err := judges[1](); c.allowed && err != nil {
					t.Error(err)
				} else if !c.allowed {
					requireRefusal(t, err, ErrSourceURL, "from_url")
				}
			})
		}
	}
	if err := (*Judge)(nil).Foreign(); err != nil {
		t.Error(err)
	}
}

func TestWatchedFields(t *testing.T) {
	for name, c := range map[string]struct {
		path     string
		policy   Policy
		expected []string
	}{
		"size":             {uploadapi.MultipartStart, Policy{MaxFileSize: 1}, []string{"size"}},
		"types of parts":   {uploadapi.MultipartStart, Policy{Types: []string{"a/b"}}, []string{"filename", "content_type"}},
		"any type":         {uploadapi.MultipartStart, Policy{Types: []string{"*/*"}}, nil},
		"source":           {uploadapi.FromURL, Policy{FromURL: []string{"a.test"}, MaxFileSize: 1}, []string{"source_url"}},
		"types of sources": {uploadapi.FromURL, Policy{Types: []string{"a/b"}}, []string{"source_url", "filename"}},
		"direct":           {uploadapi.Base, Policy{Types: []string{"a/b"}, MaxFileSize: 1, FromURL: []string{"a.test"}}, nil},
		"group":            {uploadapi.Group, Policy{Types: []string{"a/b"}, MaxFileSize: 1}, nil},
		"metadata alone":   {uploadapi.MultipartStart, Policy{Metadata: map[string]string{"a": "b"}}, nil},
	} {
		if names := NewJudge(at(t, c.path), []*Rules{compile(t, c.policy)}).Watched(); !slices.Equal(names, c.expected) {
			t.Errorf("%s: watched are %q", name, names)
		}
	}
}

func TestPartsAreObservedWhereTheyMatter(t *testing.T) {
	for _, p := range []Policy{{MaxFileSize: 1}, {MaxFiles: 1}, {Types: []string{"a/b"}}} {
		for path, expected := range map[string]bool{uploadapi.Base: true, uploadapi.Iframe: true, uploadapi.MultipartStart: false, uploadapi.FromURL: false, uploadapi.Group: false} {
			if NewJudge(at(t, path), []*Rules{compile(t, p)}).Observes() != expected {
				t.Errorf("%s with %v", path, p)
			}
		}
	}
	for _, p := range []Policy{{Metadata: map[string]string{"a": "b"}}, {Store: "1"}, {FromURL: []string{"off"}}, {Types: []string{"*/*"}}, {Endpoints: []string{"base"}}} {
		if NewJudge(at(t, uploadapi.Base), []*Rules{compile(t, p)}).Observes() {
			t.Errorf("%v", p)
		}
	}
}

func TestSeveralProjects(t *testing.T) {
	small, images, none := compile(t, Policy{MaxFileSize: 10}), compile(t, Policy{Types: []string{"image/*"}}), (*Rules)(nil)
	begin := func(t *testing.T, candidates ...*Rules) *Judge {
		t.Helper()
		return NewJudge(at(t, uploadapi.Base), candidates)
	}
	exe := file("", "a.exe")
	t.Run("what one forbids is refused once it is chosen", func(t *testing.T) {
		j := begin(t, small, images, none)
		if err := upload(j, exe, "MZ", 1); err != nil {
			t.Fatal(err)
		}
		requireRefusal(t, j.Choose(images), uploadapi.ErrFileType, "types")
		requireRefusal(t, j.Err(), uploadapi.ErrFileType, "types")
	})
	t.Run("and not if another is", func(t *testing.T) {
		j := begin(t, small, images, none)
		if err := upload(j, exe, "MZ", 1); err != nil {
			t.Fatal(err)
		}
		if err := j.Choose(small); err != nil {
			t.Fatal(err)
		}
		requireRefusal(t, upload(j, exe, strings.Repeat("a", 11), 2), uploadapi.ErrFileTooLarge, "max_file_size")
	})
	t.Run("a project without rules", func(t *testing.T) {
		j := begin(t, small, images, none)
		if err := upload(j, exe, strings.Repeat("a", 11), 1); err != nil {
			t.Fatal(err)
		}
		if err := j.Choose(none); err != nil {
			t.Fatal(err)
		}
		if err := upload(j, exe, strings.Repeat("a", 100), 1); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("what all forbid is refused at once", func(t *testing.T) {
		j := begin(t, small, images)
		err := upload(j, exe, strings.Repeat("a", 11), 1)
		requireRefusal(t, err, uploadapi.ErrFileTooLarge, "max_file_size")
		requireRefusal(t, j.Choose(images), uploadapi.ErrFileType, "types")
	})
	t.Run("a size that one allows", func(t *testing.T) {
		larger := compile(t, Policy{MaxFileSize: 100})
		j := begin(t, small, larger)
		if err := upload(j, exe, strings.Repeat("a", 11), 1); err != nil {
			t.Fatal(err)
		}
		if err := j.Choose(larger); err != nil {
			t.Fatal(err)
		}
		requireRefusal(t, upload(j, exe, strings.Repeat("a", 101), 1), uploadapi.ErrFileTooLarge, "max_file_size")
	})
	t.Run("one that is not among them", func(t *testing.T) {
		if err := begin(t, small, images).Choose(none); err == nil {
			t.Fatal("an upload passes unjudged")
		}
	})
	t.Run("a reason from outside", func(t *testing.T) {
		reason := refuse(ErrMetadata, "metadata[user]: too long")
		j := begin(t, small, images)
		j.Forbid(small, reason)
		if err := j.Err(); err != nil {
			t.Fatal(err)
		}
		requireRefusal(t, upload(j, exe, "MZ", 1), ErrMetadata, "metadata")
		requireRefusal(t, j.Choose(images), uploadapi.ErrFileType, "types")
		other := begin(t, small, images)
		other.Forbid(small, reason)
		if err := other.Choose(images); err != nil {
			t.Fatal(err)
		}
		(*Judge)(nil).Forbid(small, reason)
	})
	t.Run("endpoints", func(t *testing.T) {
		closed := compile(t, Policy{Endpoints: []string{"group"}})
		j := begin(t, closed, images)
		if err := j.Err(); err != nil {
			t.Fatal(err)
		}
		requireRefusal(t, j.Choose(closed), ErrEndpoint, "endpoints")
	})
}

// Invariant 4: what is held of a form does not grow with it.
func TestInvariant4MemoryOfAJudgeIsBounded(t *testing.T) {
	rules := compile(t, Policy{Types: []string{"image/*"}, MaxFileSize: 1 << 20})
	j := NewJudge(at(t, uploadapi.Base), []*Rules{rules, nil})
	part, png := file("image/png", "a.png"), []byte(contents["png"])
	pieces := [][]byte{png[:5], png[5:], make([]byte, 10000)}
	one := func() {
		if err := j.Begin(part); err != nil {
			t.Fatal(err)
		}
		for _, piece := range pieces {
			if err := j.Content(piece); err != nil {
				t.Fatal(err)
			}
		}
		if err := j.End(); err != nil {
			t.Fatal(err)
		}
	}
	// A type and an extension.
	if allocations := testing.AllocsPerRun(1000, one); allocations > 2 {
		t.Errorf("%v allocations for each file", allocations)
	}
	for range 500 {
		_ = j.Begin(&form.Part{File: true, FileNames: numbered("a.e%d", 50), Types: numbered("a/%d", 50)})
	}
	start := NewJudge(at(t, uploadapi.MultipartStart), []*Rules{rules, nil})
	before := heap()
	for i := range 200 {
		long := strings.Repeat("a", MaxFieldSize-20)
		_ = start.Field("filename", fmt.Sprintf("%s.e%d", long, i))
		_ = start.Field("content_type", fmt.Sprintf("a/b%d;%s", i, long))
	}
	if grown := heap() - before; grown > 64<<10 {
		t.Errorf("%d bytes are held", grown)
	}
	runtime.KeepAlive(start)
	if held := len(j.claims.types) + len(j.claims.extensions); held > 2*maxClaims || cap(j.part.head) > sniffLength {
		t.Errorf("%d claims are held, and %d bytes", held, cap(j.part.head))
	}
}

func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc) //nolint:gosec // far below
}
