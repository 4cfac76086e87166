// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"slices"
	"testing"
)

// scripts upload in the languages that servers are written in, as these
// languages' HTTP libraries are commonly used.
var scripts = []struct {
	client, debianPackages string
	probe                  []string // succeeds if the tools are installed
	command                []string // without its arguments
	second, secondEndpoint string   // the task beside the direct upload
}{
	{
		"Python requests", "python3 and python3-requests",
		[]string{"python3", "-c", "import requests"},
		[]string{"python3", "clients/python_requests.py"},
		"group", "POST /group/, urlencoded",
	},
	{
		"PHP curl", "php-cli and php-curl",
		[]string{"php", "-r", "exit(extension_loaded('curl') ? 0 : 1);"},
		[]string{"php", "clients/php_curl.php"},
		"group", "POST /group/, urlencoded",
	},
	{
		"Ruby net/http", "ruby",
		[]string{"ruby", "-rnet/http", "-e", ""},
		[]string{"ruby", "clients/ruby_net_http.rb"},
		"from_url", "POST /from_url/, urlencoded",
	},
	{
		"Perl LWP", "perl and libwww-perl",
		[]string{"perl", "-MLWP::UserAgent", "-e", "1"},
		[]string{"perl", "clients/perl_lwp.pl"},
		"from_url", "GET /from_url/, query",
	},
}

func TestScriptsUpload(t *testing.T) {
	s, sent := startSite(t, ""), newFile(t, 3*mebibyte)
	id := s.upload(t, sent)
	source := s.sandbox + "/" + id + "/?signature=of-the-source"
	for _, script := range scripts {
		t.Run(script.client, func(t *testing.T) {
			need(t, script.debianPackages, script.probe[0], script.probe[1:]...)
			do := func(t *testing.T, arguments ...string) string {
				t.Helper()
				arguments = slices.Concat(script.command[1:], []string{s.gateway}, arguments)
				return run(t, nil, script.command[0], arguments...)
			}
			t.Run("direct", func(t *testing.T) {
				tried(t, script.client, "POST /base/, multipart", "base URL")
				for _, task := range []string{"direct", "direct-stale"} {
					s.checkStored(t, uuidOf(t, do(t, task, sent.path)), sent)
				}
			})
			t.Run(script.second, func(t *testing.T) {
				tried(t, script.client, script.secondEndpoint, "base URL")
				for _, task := range []string{script.second, script.second + "-stale"} {
					if script.second == "from_url" {
						s.checkStored(t, s.fromURLDone(t, do(t, task, source)), sent)
						continue
					}
					var group struct{ ID string }
					parse(t, do(t, task, id), &group)
					s.checkGroup(t, group.ID, id)
				}
			})
		})
	}
}
