// SPDX-License-Identifier: Apache-2.0

package main

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/caddy-uploadcare/caddy-uploadcare/e2e/loopback"
)

// nginxModules is Debian's directory of nginx's dynamic modules.
const nginxModules = "/usr/lib/nginx/modules"

const (
	nginxTuned = "client_body_buffer_size 256k; http2_body_preread_size 256k;"
	nginxLua   = "client_body_buffer_size 256k; http2_body_preread_size 256k; access_by_lua_file edit.lua;"
)

//go:embed edit.lua
var editLua string

// noNginx says why nginx cannot be measured, or "".
func noNginx() string {
	if _, err := exec.LookPath("nginx"); err != nil {
		return "nginx is not installed"
	}
	return ""
}

// noLua says why nginx with Lua cannot be measured, or "".
func noLua() string {
	if missing := noNginx(); missing != "" {
		return missing
	}
	if _, err := os.Stat(filepath.Join(nginxModules, "ngx_http_lua_module.so")); err != nil {
		return "nginx's Lua module (libnginx-mod-http-lua) is not installed"
	}
	return ""
}

// nginx returns a function that starts nginx with further options. It streams uploads, unless
// it edits them in Lua, for which it has to buffer them.
func nginx(options string) func(site) (*exec.Cmd, error) {
	return func(s site) (*exec.Cmd, error) {
		if err := os.WriteFile(filepath.Join(s.directory, "edit.lua"), []byte(editLua), 0o600); err != nil {
			return nil, err
		}
		path := filepath.Join(s.directory, "nginx.conf")
		if err := os.WriteFile(path, []byte(s.nginxConfig(options)), 0o600); err != nil {
			return nil, err
		}
		return exec.Command("nginx", "-p", s.directory, "-c", path, "-e", "stderr"), nil
	}
}

// nginxConfig returns a configuration as comparable to Caddy's as nginx allows: it keeps
// connections to the upstream and does not buffer requests.
func (s site) nginxConfig(options string) string {
	var config strings.Builder
	if noLua() == "" {
		fmt.Fprintf(&config, "load_module %s/ndk_http_module.so;\nload_module %s/ngx_http_lua_module.so;\n", nginxModules, nginxModules)
	}
	// Its workers would drop to a user who cannot read the temporary directory.
	if os.Getuid() == 0 {
		config.WriteString("user root;\n")
	}
	listen := ""
	if s.downstream != http1 {
		listen = " ssl"
		options += fmt.Sprintf(" ssl_certificate %s; ssl_certificate_key %s;", filepath.Join(s.certificate, loopback.CertificateFile), filepath.Join(s.certificate, loopback.KeyFile))
	}
	if s.downstream == http2Protocol {
		listen += " http2"
	}
	// Below, an address takes the place of localhost, which nginx resolves to IPv6 as
	// well: the sink listens on one alone.
	scheme, upstream, _ := strings.Cut(s.sink, "://")
	// Limits that would end a measurement are lifted: by default, nginx closes a
	// connection after 1000 requests and refuses bodies of more than 1 MiB.
	fmt.Fprintf(&config, `daemon off;
worker_processes auto;
pid nginx.pid;
error_log stderr;
events { worker_connections 1024; }
http {
	access_log off;
	client_max_body_size 0;
	keepalive_requests 1000000000;
	lua_package_path "/usr/share/lua/5.1/?.lua;;";
	client_body_temp_path client;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	upstream sink {
		server %s;
		keepalive 64;
		keepalive_requests 1000000000;
	}
	server {
		listen %s%s;
		proxy_request_buffering off;
		%s
		location / {
			proxy_pass %s://sink;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_ssl_server_name on;
			proxy_ssl_name localhost;
		}
	}
}
`, strings.Replace(upstream, "localhost", "127.0.0.1", 1), strings.Replace(s.address, "localhost", "127.0.0.1", 1), listen, options, scheme)
	text := config.String()
	if noLua() != "" {
		text = strings.Replace(text, "\tlua_package_path \"/usr/share/lua/5.1/?.lua;;\";\n", "", 1)
	}
	return text
}
