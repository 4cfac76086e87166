// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

func TestNoPolicyIsNoRules(t *testing.T) {
	for name, p := range map[string]*Policy{
		"none":        nil,
		"empty":       {},
		"empty lists": {Types: []string{}, FromURL: []string{}, Endpoints: []string{}, Metadata: map[string]string{}},
	} {
		rules, err := p.Compile()
		if rules != nil || err != nil {
			t.Errorf("%s: %v, %v", name, rules, err)
		}
	}
	var none *Rules
	fields, err := none.Fields(at(t, uploadapi.Base), strings.ToUpper)
	if none.String() != "none" || none.Forced() != nil || fields != nil || err != nil {
		t.Error("nil rules are not none")
	}
	j := NewJudge(at(t, uploadapi.Base), []*Rules{nil, nil})
	if j != nil || j.Err() != nil || j.Choose(nil) != nil || j.Length(1<<40) != nil || j.Watched() != nil || j.Field("size", "1e9") != nil || j.Observes() || j.Finish() != nil {
		t.Error("a judge without rules judges")
	}
}

func TestPolicyInShort(t *testing.T) {
	for expected, p := range map[string]Policy{
		`max_file_size=25MiB types="image/* .pdf" from_url=off`: {MaxFileSize: 25 << 20, Types: []string{"image/*", ".pdf"}, FromURL: []string{"off"}},
		`max_file_size=1000`: {MaxFileSize: 1000},
		`max_file_size=3TiB`: {MaxFileSize: 3 << 40},
		`from_url="*.example.com cdn.example.org" endpoints="base multipart" max_files=10`: {FromURL: []string{"*.example.com", "cdn.example.org"}, Endpoints: []string{"base", "multipart"}, MaxFiles: 10},
		`metadata="team user" store=auto`:                                                  {Metadata: map[string]string{"user": "secret", "team": "{http.auth.user.id}"}, Store: "auto"},
	} {
		if short := compile(t, p).String(); short != expected {
			t.Errorf("%s, and not %s", short, expected)
		}
	}
}

func TestMistakesInAPolicy(t *testing.T) {
	for name, c := range map[string]struct {
		policy Policy
		texts  []string // that the error contains
	}{
		"negative size":             {Policy{MaxFileSize: -1}, []string{"max_file_size -1", "25MiB"}},
		"negative number of files":  {Policy{MaxFiles: -1}, []string{"max_files -1", "write a number"}},
		"unknown endpoint":          {Policy{Endpoints: []string{"base", "iframe"}}, []string{`endpoints "iframe"`, "base (with /iframe/), multipart, from_url, group"}},
		"endpoint as path":          {Policy{Endpoints: []string{"/base/"}}, []string{`endpoints "/base/"`}},
		"unknown store":             {Policy{Store: "true"}, []string{`store "true"`, "0, 1, auto"}},
		"store with a blank":        {Policy{Store: " 1"}, []string{`store " 1"`}},
		"empty metadata key":        {Policy{Metadata: map[string]string{"": "a"}}, []string{`metadata ""`, "a-z"}},
		"metadata key with bracket": {Policy{Metadata: map[string]string{"a]b": "a"}}, []string{`metadata "a]b"`}},
		"metadata key beyond ASCII": {Policy{Metadata: map[string]string{"ключ": "a"}}, []string{`metadata "ключ"`}},
		"metadata key too long":     {Policy{Metadata: map[string]string{strings.Repeat("a", 65): "a"}}, []string{"metadata", "1 to 64"}},
		"metadata key of a field":   {Policy{Metadata: map[string]string{"metadata[user]": "a"}}, []string{`metadata "metadata[user]"`}},
		"metadata value too long":   {Policy{Metadata: map[string]string{"a": strings.Repeat("ä", 513)}}, []string{"metadata a", "512"}},
		"metadata value of lines":   {Policy{Metadata: map[string]string{"a": "b\nc"}}, []string{"metadata a", "control"}},
		"metadata value not UTF-8":  {Policy{Metadata: map[string]string{"a": "\xff"}}, []string{"metadata a", "UTF-8"}},
		"too much metadata":         {Policy{Metadata: manyKeys(51)}, []string{"metadata", "51", "50"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.policy.Compile()
			if err == nil {
				t.Fatal("there is no error")
			}
			for _, text := range c.texts {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("the error %q does not contain %q", err, text)
				}
			}
		})
	}
}

func manyKeys(count int) map[string]string {
	keys := make(map[string]string)
	for _, key := range numbered("key%d", count) {
		keys[key] = "a"
	}
	return keys
}

func TestEndpoints(t *testing.T) {
	all := []string{uploadapi.Base, uploadapi.Iframe, uploadapi.MultipartStart, uploadapi.FromURL, uploadapi.Group}
	for name, c := range map[string]struct {
		policy  Policy
		allowed []string
		refusal *uploadapi.Error
		option  string
	}{
		"base and iframe": {Policy{Endpoints: []string{"base"}}, []string{uploadapi.Base, uploadapi.Iframe}, ErrEndpoint, "endpoints"},
		"several":         {Policy{Endpoints: []string{"multipart", "group"}}, []string{uploadapi.MultipartStart, uploadapi.Group}, ErrEndpoint, "endpoints"},
		"from_url":        {Policy{Endpoints: []string{"from_url"}}, []string{uploadapi.FromURL}, ErrEndpoint, "endpoints"},
		"all":             {Policy{Endpoints: []string{"base", "multipart", "from_url", "group"}}, all, nil, ""},
		"no such rule":    {Policy{MaxFileSize: 1}, all, nil, ""},
		"from_url off":    {Policy{FromURL: []string{"off"}}, []string{uploadapi.Base, uploadapi.Iframe, uploadapi.MultipartStart, uploadapi.Group}, ErrSourceURLOff, "from_url"},
	} {
		t.Run(name, func(t *testing.T) {
			rules := compile(t, c.policy)
			for _, path := range all {
				j := NewJudge(at(t, path), []*Rules{rules})
				if slices.Contains(c.allowed, path) {
					if err := errors.Join(j.Err(), j.Choose(rules), j.Finish()); err != nil && path != uploadapi.MultipartStart {
						t.Errorf("%s: %v", path, err)
					}
					continue
				}
				for _, err := range []error{j.Err(), j.Choose(rules), j.Finish()} {
					requireRefusal(t, err, c.refusal, c.option)
				}
			}
		})
	}
}

func TestForcedFields(t *testing.T) {
	p := Policy{Metadata: map[string]string{"user": "{user}", "team": "blue {user}", "gone": "{none}", "fixed": "ä\u202e\"'<>&=;%00"}, Store: "{store}"}
	rules := compile(t, p)
	resolve := func(user, store string) func(string) string {
		return strings.NewReplacer("{user}", user, "{none}", "", "{store}", store).Replace
	}
	expected := []string{"metadata[fixed]", "metadata[gone]", "metadata[team]", "metadata[user]", "UPLOADCARE_STORE", "store"}
	if names := rules.Forced(); !slices.Equal(names, expected) {
		t.Fatalf("forced are %q", names)
	}
	form.NewNames(rules.Forced()...) // must take them
	for path, store := range map[string]string{uploadapi.Base: "UPLOADCARE_STORE", uploadapi.Iframe: "UPLOADCARE_STORE", uploadapi.MultipartStart: "UPLOADCARE_STORE", uploadapi.FromURL: "store"} {
		fields, err := rules.Fields(at(t, path), resolve("Ann", "1"))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(fields, []form.Field{
			{Name: "metadata[fixed]", Value: "ä\u202e\"'<>&=;%00"},
			{Name: "metadata[team]", Value: "blue Ann"},
			{Name: "metadata[user]", Value: "Ann"},
			{Name: store, Value: "1"},
		}) {
			t.Errorf("%s: the fields are %q", path, fields)
		}
	}
	if fields, err := rules.Fields(at(t, uploadapi.Group), resolve("Ann", "1")); fields != nil || err != nil {
		t.Errorf("a group gets %q, %v", fields, err)
	}
	for name, c := range map[string]struct {
		user, store string
		allowed     bool
	}{
		"empty":                   {"", "", true},
		"512 characters":          {strings.Repeat("語", 507), "auto", true},
		"bidirectional text":      {"\u202eabc\u202c עברית", "0", true},
		"quotes and brackets":     {`"'<>[]{}\;`, "0", true},
		"emoji":                   {"👩‍💻", "0", true},
		"513 characters":          {strings.Repeat("語", 508), "0", false},
		"10 KB":                   {strings.Repeat("a", 10000), "0", false},
		"CR LF":                   {"a\r\nContent-Disposition: form-data", "0", false},
		"LF":                      {"a\nb", "0", false},
		"NUL":                     {"a\x00", "0", false},
		"tab":                     {"a\tb", "0", false},
		"ESC":                     {"\x1b[31m", "0", false},
		"DEL":                     {"\x7f", "0", false},
		"C1, a line end to some":  {"a\u0085b", "0", false},
		"line separator":          {"a\u2028b", "0", false},
		"paragraph separator":     {"a\u2029b", "0", false},
		"not UTF-8":               {"a\xff", "0", false},
		"a surrogate":             {"a\xed\xa0\x80", "0", false},
		"store is none":           {"", "yes", false},
		"store is a secret":       {"", "canary", false},
		"store in other digits":   {"", "１", false},
		"store with another line": {"", "1\r\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := rules.Fields(at(t, uploadapi.Base), resolve(c.user, c.store))
			if (err == nil) != c.allowed {
				t.Fatal(err)
			}
			if err == nil {
				return
			}
			requireRefusal(t, err, ErrMetadata, "")
			// Nor that of store: a placeholder may be of anything.
			if c.user != "" && strings.Contains(err.Error(), c.user) || c.store == "canary" && strings.Contains(err.Error(), c.store) {
				t.Errorf("the error has the value: %v", err)
			}
		})
	}
}
