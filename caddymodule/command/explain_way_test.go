// SPDX-License-Identifier: Apache-2.0

package command_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/command"
	_ "github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/sandbox"
)

// gatewayOf returns the gateway of a project.
func gatewayOf(project string) string {
	return "uploadcare {\n\tproject " + project + "\n\tsecret_key {env.NOT_SET_IN_TEST}\n\tcallers anyone\n}\n"
}

// explainOf explains a GET of a path, with a host.
func explainOf(t *testing.T, caddyfile, host, path string) string {
	t.Helper()
	return explainMethodOf(t, caddyfile, "GET", host, path)
}

// explainMethodOf explains a request with a method.
func explainMethodOf(t *testing.T, caddyfile, method, host, path string) string {
	t.Helper()
	request := fmt.Sprintf("%s %s?pub_key=demopublickey HTTP/1.1\r\nHost: %s\r\nX-Old: yes\r\n\r\n", method, path, host)
	output, _, err := command.RunExplain(t, request, "--config", write(t, "Caddyfile", "{\n\tadmin off\n}\n"+caddyfile))
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(` +`).ReplaceAllString(output, " ") // the columns are as wide as what is in them
}

// A request reaches a gateway unless another route takes it first.
func TestARouteBeforeTheGatewayMayTakeTheRequest(t *testing.T) {
	const (
		reached = "project demopublickey\n"
		none    = "site none: "
		taken   = "there is one in upload.example.com; before it, this request is taken by "
		unless  = "unless a route before it takes the request: "
	)
	gateway := gatewayOf("demopublickey")
	tests := map[string]struct{ site, path, want, lacks string }{
		"another handle":                      {"handle /from_url/* {\nreverse_proxy elsewhere:1\n}\nhandle {\n" + gateway + "}", "/from_url/", taken + "reverse_proxy [if path]\n", reached},
		"another handle, for others":          {"handle /from_url/* {\nreverse_proxy elsewhere:1\n}\nhandle {\n" + gateway + "}", "/group/", reached, "unless"},
		"another handle, empty":               {"handle /from_url/* {\n}\nhandle {\n" + gateway + "}", "/from_url/", taken + "a route without handlers\n", reached},
		"another handle, of a named route":    {"handle /from_url/* {\ninvoke away\n}\nhandle {\n" + gateway + "}", "/from_url/", taken + "reverse_proxy [if path]\n", reached},
		"another handle, for an address":      {"@in remote_ip 10.0.0.0/8\nhandle @in {\nreverse_proxy elsewhere:1\n}\nhandle {\n" + gateway + "}", "/from_url/", unless + "reverse_proxy [if remote_ip]\n", none},
		"another handle, for other addresses": {"@out not remote_ip 10.0.0.0/8\nhandle @out {\nreverse_proxy elsewhere:1\n}\nhandle {\n" + gateway + "}", "/from_url/", unless + "reverse_proxy [if not]\n", none},
		"another handle, for neither":         {"@in {\nremote_ip 10.0.0.0/8\npath /group/*\n}\nhandle @in {\nreverse_proxy elsewhere:1\n}\nhandle {\n" + gateway + "}", "/from_url/", reached, "unless"},
		"the gateway's handle, for one":       {"@in remote_ip 10.0.0.0/8\nhandle @in {\n" + gateway + "}\nhandle {\nrespond no\n}", "/from_url/", reached, none},
		"a response":                          {"route {\nrespond /from_url/* no\n" + gateway + "}", "/from_url/", taken + "static_response [if path]\n", reached},
		"a response by invoke":                {"route {\ninvoke /from_url/* away\n" + gateway + "}", "/from_url/", taken + "reverse_proxy [if path]\n", reached},
		"a response for others":               {"route {\nrespond /group/* no\n" + gateway + "}", "/from_url/", reached, none},
		"a response to strangers":             {"@out not remote_ip 10.0.0.0/8\nrespond @out 403\n" + gateway, "/from_url/", "before it static_response [if not]", none},
		"an early hint":                       {"route {\nrespond 103\n" + gateway + "}", "/from_url/", reached, none},
		"a redirect":                          {"redir /from_url/* /group/\n" + gateway, "/from_url/", taken + "static_response [if path]\n", reached},
		"forward_auth":                        {"forward_auth auth:1 {\nuri /\n}\n" + gateway, "/from_url/", reached, none},
		"files":                               {"route {\nfile_server\n" + gateway + "}", "/from_url/", taken + "file_server\n", reached},
		"files, if they are there":            {"route {\nfile_server {\npass_thru\n}\n" + gateway + "}", "/from_url/", reached, none},
		"the sandbox":                         {"route {\nuploadcare_sandbox /from_url/*\n" + gateway + "}", "/from_url/", taken + "uploadcare_sandbox [if path]\n", reached},
		"the sandbox, for others":             {"route {\nuploadcare_sandbox /group/*\n" + gateway + "}", "/from_url/", reached, none},
		"a path under another":                {"handle_path /up/* {\nhandle /from_url/* {\nrespond no\n}\nhandle {\n" + gateway + "}\n}", "/up/from_url/", taken + "static_response [if path]\n", reached},
		"a gateway under a path":              {"handle_path /up/* {\nhandle /from_url/* {\n" + gateway + "}\nhandle {\nrespond no\n}\n}", "/up/from_url/", "endpoint /from_url/, signed\n", none},
		"a path under another, from outside":  {"handle_path /up/* {\nhandle /from_url/* {\nrespond no\n}\n}\nhandle {\n" + gateway + "}", "/from_url/", reached, none},
		"the first of some rewrites":          {"rewrite /a/ /from_url/\nrewrite /from_url/ /group/\n" + gateway, "/a/", "endpoint /from_url/, signed\n", none},
		"a rewrite by what was matched":       {"@old path_regexp old ^/v1(/.*)$\nrewrite @old {re.old.1}\n" + gateway, "/v1/group/", "endpoint /group/, signed\n", none},
		"a rewrite in a block for others":     {"route /up/* {\nrewrite * /group/\n}\n" + gateway, "/from_url/", "endpoint /from_url/, signed\n", none},
		"a rewrite if a header is there":      {"route /from_url/* {\n@old header X-Old yes\nrewrite @old /group/\n" + gateway + "}", "/from_url/", "endpoint /group/, signed\n", none},
		"a rewrite in a named route":          {"route {\ninvoke moved\n" + gateway + "}", "/from_url/", "endpoint /group/, signed\n", none},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			output := explainOf(t, "&(away) {\nreverse_proxy elsewhere:1\n}\n&(moved) {\nrewrite * /group/\n}\nhttp://upload.example.com {\n"+test.site+"\n}\n", "upload.example.com", test.path)
			if !strings.Contains(output, test.want) || strings.Contains(output, test.lacks) {
				t.Errorf("want %q and not %q, got\n%s", test.want, test.lacks, output)
			}
		})
	}
}

// The directive uploadcare_health responds to GET and HEAD, and lets uploads past.
func TestHealthChecksAreTakenByTheirMethod(t *testing.T) {
	site := "http://upload.example.com {\nuploadcare_health /base/*\n" + gatewayOf("demopublickey") + "}\n"
	const reached, taken = "\nsite upload.example.com\n", "; before it, this request is taken by uploadcare_health [if path]\n"
	for request, want := range map[[2]string]string{
		{"GET", "/base/"}:     taken,
		{"HEAD", "/base/"}:    taken,
		{"POST", "/base/"}:    reached,
		{"OPTIONS", "/base/"}: reached,
		{"GET", "/from_url/"}: reached,
	} {
		if output := explainMethodOf(t, site, request[0], "upload.example.com", request[1]); !strings.Contains(output, want) {
			t.Errorf("%v: want %q, got\n%s", request, want, output)
		}
	}
}

// What takes a request for another host is not named beside the site.
func TestARequestForAnotherHostIsNotTakenFromTheGateway(t *testing.T) {
	output := explainOf(t, "http://upload.example.com {\n"+gatewayOf("demopublickey")+"}\nhttp://www.example.com {\nrespond ok\n}\n", "www.example.com", "/from_url/")
	if !strings.HasSuffix(output, " there is one in upload.example.com\n") {
		t.Errorf("got\n%s", output)
	}
}

// Of servers that a request fits alike, it is for the one on the port that it names.
func TestTheServerIsFoundByThePort(t *testing.T) {
	servers := "http://:8080 {\n" + gatewayOf("first") + "}\nhttp://:8081 {\n" + gatewayOf("demopublickey") + "}\n"
	for name, test := range map[string]struct{ caddyfile, host, want, lacks string }{
		"the first port":         {servers, "upload.example.com:8080", "site :8080\n", "\nor "},
		"the second port":        {servers, "upload.example.com:8081", "site :8081\n", "\nor "},
		"no port":                {servers, "upload.example.com", "site :8080, of the server on :8080\nor :8081, of the server on :8081, which this request fits as well", "site :8081"},
		"a port that is mapped":  {servers, "upload.example.com:80", "\nor :8081, of the server on :8081", "site :8081"},
		"the usual port":         {servers + "http://upload.example.com {\n" + gatewayOf("demopublickey") + "}\n", "upload.example.com", "site upload.example.com\n", "\nor "},
		"two ports of one site":  {"http://upload.example.com, https://upload.example.com {\n" + gatewayOf("demopublickey") + "}\n", "upload.example.com", "site upload.example.com\n", "\nor "},
		"two ports of two sites": {"http://upload.example.com {\n" + gatewayOf("demopublickey") + "}\nhttps://upload.example.com {\n" + gatewayOf("first") + "}\n", "upload.example.com", "\nor upload.example.com, of the server on :80, ", "refused by"},
		"one that fits, another": {"http://upload.example.com:8081 {\n" + gatewayOf("demopublickey") + "}\nhttp://www.example.com {\n" + gatewayOf("first") + "}\n", "upload.example.com", "site upload.example.com\n", "\nor "},
	} {
		t.Run(name, func(t *testing.T) {
			output := explainOf(t, test.caddyfile, test.host, "/from_url/")
			if !strings.Contains(output, test.want) || strings.Contains(output, test.lacks) {
				t.Errorf("want %q and not %q, got\n%s", test.want, test.lacks, output)
			}
		})
	}
}

// A server on the port that a request names counts before others, also if it responds itself.
func TestAServerOnThePortMayTakeTheRequest(t *testing.T) {
	const responds = "{\nroute {\nrespond /from_url/* no\n"
	gateway := gatewayOf("demopublickey")
	other := "http://:8080 {\n" + gateway + "}\n"
	upload := "http://upload.example.com " + responds + gateway + "}\n}\n"
	for name, test := range map[string]struct{ caddyfile, host, path, want, lacks string }{
		"it responds":                          {other + upload, "upload.example.com", "/from_url/", "there is one in upload.example.com; before it, this request is taken by static_response [if path]\n", "\nsite :8080"},
		"it responds, another has a gateway":   {other + upload, "upload.example.com", "/from_url/", "there is one in :8080, of the server on :8080, which this request fits on another port: name that in Host\n", "signed"},
		"it responds to others":                {other + upload, "upload.example.com", "/group/", "\nsite upload.example.com\n", "static_response [if path]: name"},
		"it responds, the other port is named": {other + upload, "upload.example.com:8080", "/from_url/", "\nsite :8080\n", "taken"},
		"it has another host":                  {other + upload, "www.example.com", "/from_url/", "\nsite :8080\n", "taken"},
		"http responds, https does not":        {"https://upload.example.com {\n" + gateway + "}\n" + upload, "upload.example.com", "/from_url/", "\nsite upload.example.com, of the server on :443\nor none: before upload.example.com, of the server on :80, which this request fits as well, it is taken by static_response [if path]: name the port in Host\n", "site none"},
		"one of two unusual ports responds":    {other + "http://:8081 " + responds + gateway + "}\n}\n", "upload.example.com", "/from_url/", "\nsite :8080, of the server on :8080\nor none: before :8081, of the server on :8081, ", "site none"},
		"the first of two sites, perhaps":      {"http://upload.example.com {\n@in remote_ip 10.0.0.0/8\nhandle @in {\nroute {\nrespond no\n" + gateway + "}\n}\nhandle {\n" + gateway + "}\n}\n", "upload.example.com", "/from_url/", "\nsite upload.example.com\nunless a route before it takes the request: ", "\nor "},
	} {
		t.Run(name, func(t *testing.T) {
			output := explainOf(t, test.caddyfile, test.host, test.path)
			if !strings.Contains(output, test.want) || strings.Contains(output, test.lacks) {
				t.Errorf("want %q and not %q, got\n%s", test.want, test.lacks, output)
			}
		})
	}
}
