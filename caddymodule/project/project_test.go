// SPDX-License-Identifier: Apache-2.0

package project_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
)

func TestProvisionErrorsNameTheOption(t *testing.T) {
	secretKey := func(options string) string {
		return `{"projects":[{"public_key":"p","source":{"module":"secret_key"` + options + `}}]}`
	}
	tests := map[string]struct{ config, want string }{
		"unset public key":       {`{"projects":[{}]}`, "public key: {env.UPLOADCARE_PUBLIC_KEY} is not set or empty"},
		"unset secret":           {secretKey(""), "secret_key: {env.UPLOADCARE_SECRET_KEY} is not set or empty"},
		"unset variable":         {secretKey(`,"keys":["{env.NOT_SET}"]`), "secret_key: {env.NOT_SET} is not set or empty"},
		"missing file":           {secretKey(`,"keys":["{file./no/such/file}"]`), "secret_key: {file./no/such/file}: there is no such file"},
		"unknown placeholder":    {secretKey(`,"keys":["` + fixture.Secret + `{x}"]`), "secret_key: it holds a placeholder that is unknown or empty"},
		"threshold is lifetime":  {`{"projects":[{"public_key":"p","threshold":"30m","source":{"module":"secret_key","keys":["s"]}}]}`, "threshold: 30m0s is not shorter than the lifetime, 30m0s"},
		"threshold above":        {`{"projects":[{"public_key":"p","source":{"module":"secret_key","keys":["s"],"lifetime":"5m"}}]}`, "threshold: 10m0s is not shorter than the lifetime, 5m0s"},
		"the same in seconds":    {`{"projects":[{"public_key":"p","threshold":"1s","source":{"module":"secret_key","keys":["s"],"lifetime":"1900ms"}}]}`, "threshold: 1s is not shorter"},
		"negative threshold":     {`{"projects":[{"public_key":"p","threshold":"-1s","source":{"module":"secret_key","keys":["s"]}}]}`, "threshold: -1s is negative"},
		"negative lifetime":      {secretKey(`,"keys":["s"],"lifetime":"-30m"`), "lifetime: -30m0s is not between"},
		"tiny lifetime":          {secretKey(`,"keys":["s"],"lifetime":"10ms"`), "lifetime: 10ms is not between"},
		"endless lifetime":       {secretKey(`,"keys":["s"],"lifetime":"20000h"`), "lifetime: 20000h0m0s is not between"},
		"no public key":          {`{"projects":[{"public_key":"a b","source":{"module":"secret_key","keys":["s"]}}]}`, `public key: "a b" is not one`},
		"a key with a blank":     {`{"projects":[{"public_key":"a key","source":{"module":"secret_key","keys":["s"]}}]}`, "there is a blank, a line end or a quote in it"},
		"no module":              {`{"projects":[{"public_key":"p","source":{"keys":["canary"]}}]}`, `source: it has no "module", which names the source`},
		"seconds as nanoseconds": {`{"projects":[{"public_key":"p","threshold":600,"source":{"module":"secret_key","keys":["s"]}}]}`, `did you mean "600s"?`},
		"long public key":        {`{"projects":[{"public_key":"` + strings.Repeat("k", 65) + `","source":{"module":"secret_key","keys":["s"]}}]}`, "is not one: it has 65 characters"},
		"two of the same":        {`{"projects":[{"public_key":"p","source":{"module":"secret_key","keys":["s"]}},{"public_key":"p","source":{"module":"secret_key","keys":["t"]}}]}`, "project p: the public key is there twice"},
		"several without source": {`{"projects":[{"public_key":"p","source":{"module":"secret_key","keys":["s"]}},{"public_key":"q"}]}`, "project q: no source of credentials"},
		"null":                   {`{"projects":[null]}`, "project 0 is null"},
		"unknown source":         {`{"projects":[{"public_key":"p","source":{"module":"oracle"}}]}`, "unknown module: uploadcare.sources.oracle"},
		"an option of a source":  {`{"projects":[{"public_key":"p","source":{"module":"resolver","url":"https://app/","retries":11}}]}`, "retries: 11 is not between 0 and 10"},
		"unknown option":         {secretKey(`,"keys":["s"],"lifetme":"30m"`), `unknown field "lifetme"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := project.NewProjects(t, test.config)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), fixture.Secret) {
				t.Errorf("the error shows the secret: %v", err)
			}
		})
	}
	if count := project.CountCaches(); count != 0 {
		t.Errorf("%d token caches were not given back", count)
	}
}

func TestATokenSurvivesAReloadOfTheSameProject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loaded, err := project.NewProjects(t, project.OnlyProject)
		if err != nil {
			t.Fatal(err)
		}
		before := loaded.Set.Of("demopublickey")
		first, err := project.GrantorOf(before).Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		after := project.MustProject(t, project.OnlyProject)
		if err := loaded.Set.Release(); err != nil { // as Caddy does once the new config is up
			t.Fatal(err)
		}
		if again, _ := project.GrantorOf(after).Token(t.Context()); again != first {
			t.Error("the token was lost")
		}
		// A request of the old config that is still under way.
		if again, err := project.GrantorOf(before).Token(t.Context()); err != nil || again != first {
			t.Errorf("the old config: %v, %v", again, err)
		}
		for name, config := range map[string]string{
			"secret":     strings.Replace(project.OnlyProject, fixture.Secret, "another", 1),
			"public key": strings.Replace(project.OnlyProject, "demopublickey", "another", 1),
			"lifetime":   strings.Replace(project.OnlyProject, `"module"`, `"lifetime":"31m","module"`, 1),
			"threshold":  strings.Replace(project.OnlyProject, `"source"`, `"threshold":"9m","source"`, 1),
		} {
			changed := project.MustProject(t, config)
			if other, _ := project.GrantorOf(changed).Token(t.Context()); other == first {
				t.Errorf("another %s, but the same token", name)
			}
		}
	})
	if count := project.CountCaches(); count != 0 {
		t.Errorf("%d token caches were not given back", count)
	}
}
