// SPDX-License-Identifier: Apache-2.0

package command_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/command"
)

var update = flag.Bool("update", false, "write the golden files anew")

// explained is a config whose secret need not be there, and whose resolver must not be asked.
const explained = `{
	admin off
}
http://upload.example.com, http://x, http://app.example.com {
	basic_auth /base/* {
		someone $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG
	}
	uploadcare {
		project demopublickey {
			secret_key {env.NOT_SET_IN_TEST}
			callers checked
		}
		project onlyimages {
			resolver https://resolver.invalid/ {
				header Authorization {http.request.header.Authorization}
			}
			types image/*
			store 0
		}
	}
}
`

// Each request has a golden file with what explain writes of it.
func TestARequestIsExplained(t *testing.T) {
	path := write(t, "Caddyfile", explained)
	requests, err := filepath.Glob("testdata/explain/*.http")
	if err != nil || len(requests) == 0 {
		t.Fatalf("no requests: %v", err)
	}
	for _, request := range requests {
		t.Run(filepath.Base(request), func(t *testing.T) {
			output, code, err := command.RunExplain(t, "", "--config", path, request)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(output, "canary") { // the client's own credential (invariant 8)
				t.Errorf("a credential is shown:\n%s", output)
			}
			golden := strings.TrimSuffix(request, ".http") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(output), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if output != string(want) {
				t.Errorf("got\n%s\nwant\n%s", output, want)
			}
			if forwarded := strings.Contains(output, "HTTP/1.1\nHost: "); forwarded != (code == 0) {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

func TestWhatCannotBeExplainedIsAnError(t *testing.T) {
	path := write(t, "Caddyfile", "{\n\tadmin off\n}\nhttp://localhost {\n\tuploadcare {\n\t\tproject p\n\t}\n}\n")
	const request = "GET /base/ HTTP/1.1\r\nHost: a\r\n\r\n"
	tests := map[string]struct {
		request   string
		arguments []string
		want      string
	}{
		"nothing":                {"", []string{"--config", path}, "there is no request to read"},
		"garbage":                {"\x16\x03\x01\r\n", []string{"--config", path}, "it is no request of HTTP/1.1"},
		"a huge request":         {request + strings.Repeat("x", 16<<20), []string{"--config", path}, "more than 16777216 bytes"},
		"a huge header":          {"GET / HTTP/1.1\r\nA: " + strings.Repeat("x", 16<<20), []string{"--config", path}, "more than 16777216 bytes"},
		"a head that breaks off": {"GET / HTTP/1.1\r\nA: b", []string{"--config", path}, "it is no request of HTTP/1.1"},
		"no such file":           {"", []string{"--config", path, "/no/such/file"}, "no such file"},
		"no such config":         {request, []string{"--config", "/no/such/config"}, "no such file"},
		"no gateway":             {request, []string{"--config", write(t, "Caddyfile", "http://localhost {\n\trespond ok\n}\n")}, "there is no uploadcare or uploadcare_sign"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			output, code, err := command.RunExplain(t, test.request, test.arguments...)
			if err == nil || !strings.Contains(err.Error(), test.want) || code != 1 {
				t.Errorf("got %v and %d: %s", err, code, output)
			}
		})
	}
}

// The path counts that the gateway sees, and not the one that the client sent.
func TestRewritesBeforeAreExplained(t *testing.T) {
	path := write(t, "Caddyfile", `{
	admin off
}
http://upload.example.com {
	handle_path /upload/* {
		@old path /old/*
		rewrite @old /info/
		uploadcare {
			project demopublickey {
				secret_key {env.NOT_SET_IN_TEST}
			}
		}
	}
}
`)
	output, code, err := command.RunExplain(t, "GET /upload/from_url/?pub_key=demopublickey&signature=canary HTTP/1.1\r\nHost: upload.example.com\r\n\r\n", "--config", path)
	if err != nil || code != 0 {
		t.Fatal(code, err)
	}
	for _, want := range []string{"endpoint   /from_url/, signed\n", "taken out  query parameter signature\n", "\nGET /from_url/?pub_key=demopublickey&signature=~~"} {
		if !strings.Contains(output, want) {
			t.Errorf("the output lacks %q:\n%s", want, output)
		}
	}
	if strings.Contains(output, "canary") {
		t.Errorf("a credential is shown:\n%s", output)
	}
}
