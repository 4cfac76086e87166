// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/caddy-uploadcare/caddy-uploadcare/e2e/loopback"
)

// contender is a proxy, or none, through which uploads are sent.
type contender struct {
	name  string
	what  string
	signs bool
	// forces is whether it has the rules of policyRules, and so puts forcedFields into forms.
	forces bool
	// beside names the contender that does the same but for one thing: the report has the
	// ratio of the two as well, since a few percent are lost in two ratios to a third.
	beside string
	// downstream lists the protocols that clients can use.
	downstream []protocol
	// in lists the modes in which it is measured unless asked for. Empty: all.
	in []string
	// start returns the process, or nil if there is none. It writes what the
	// process needs into the directory.
	start func(site) (*exec.Cmd, error)
	// missing says why it cannot run on this machine, or "". It may be nil.
	missing func() string
}

// site is the configuration of a contender in one mode.
type site struct {
	*options
	mode
	directory   string // its own
	certificate string // directory
	address     string // host:port that it listens on
	sink        string // URL of the upstream
}

const (
	base = "reverse_proxy"
	// A second one of the base: by how much it differs from 1 is chance.
	control = "control"
	gateway = "uploadcare"
)

var (
	all      = []protocol{http1, http1TLS, http2Protocol, http3Protocol}
	untilTwo = []protocol{http1, http1TLS, http2Protocol}
)

var contenders = []contender{
	// The most that clients and upstream can do, which bounds what any proxy can show.
	{name: "direct", what: "no proxy", downstream: []protocol{http1, http1TLS}, in: []string{"plain", "tls"}},
	{name: base, what: "Caddy's `reverse_proxy`, which signs nothing: the base", downstream: all, start: caddy(plainProxy)},
	{name: control, what: "the same once more", downstream: all, start: caddy(plainProxy)},
	{name: gateway, what: "`uploadcare`, as it is", signs: true, downstream: all, start: caddy(uploadcare(""))},
	{name: "policy", what: "`uploadcare` with all rules of a policy", signs: true, forces: true, beside: gateway, downstream: all, in: []string{"plain"}, start: caddy(policed)},
	// Shows how much of the gain is the transport's.
	{name: "transport-http", what: "`uploadcare` with `transport http`", signs: true, downstream: all, start: caddy(uploadcare("http"))},
	{name: "nginx", what: "nginx, `proxy_request_buffering off`, signs nothing", downstream: untilTwo, in: []string{"plain"}, start: nginx(""), missing: noNginx},
	{name: "nginx-tuned", what: "the same with `client_body_buffer_size 256k`", downstream: untilTwo, start: nginx(nginxTuned), missing: noNginx},
	{name: "nginx-lua", what: "nginx that holds the form and edits it in Lua", signs: true, downstream: untilTwo, in: []string{"plain"}, start: nginx(nginxLua), missing: noLua},
	// The least that does the same.
	{name: "rewriter", what: "a rewriter of a page of Go: mime/multipart, through a pipe", signs: true, downstream: untilTwo, in: []string{"plain"}, start: rewriter},
}

// contenderNames returns the names for the flag -contenders.
func contenderNames() (names []string) {
	for _, contender := range contenders {
		names = append(names, contender.name)
	}
	return names
}

// anotherBuild is the gateway in another binary, to compare two versions.
func anotherBuild(name, binary string) contender {
	start := func(s site) (*exec.Cmd, error) {
		other := *s.options
		other.caddy, s.options = binary, &other
		return caddy(uploadcare(""))(s)
	}
	return contender{name: name, signs: true, downstream: all, start: start}
}

// enters reports whether the contender is measured in a mode.
func (c contender) enters(o *options, mode mode) bool {
	if !slices.Contains(c.downstream, mode.downstream) {
		return false
	}
	if len(o.contenders) > 0 {
		// The base always: all figures are ratios to it.
		return c.name == base || slices.ContainsFunc(o.also, func(other contender) bool { return other.name == c.name }) || slices.Contains(o.contenders, c.name)
	}
	return len(c.in) == 0 || slices.Contains(c.in, mode.name)
}

// caddy returns a function that starts Caddy with a handler, in a configuration without
// anything else.
func caddy(handler func(site) string) func(site) (*exec.Cmd, error) {
	return func(s site) (*exec.Cmd, error) {
		scheme, tls := "http", ""
		if s.downstream != http1 {
			scheme = "https"
			tls = fmt.Sprintf("\ttls %s %s\n", filepath.Join(s.certificate, loopback.CertificateFile), filepath.Join(s.certificate, loopback.KeyFile))
		}
		config := "{\n\tadmin off\n\tpersist_config off\n\tskip_install_trust\n\tauto_https disable_redirects\n}\n" +
			fmt.Sprintf("%s://%s {\n\tbind 127.0.0.1\n%s\t%s\n}\n", scheme, s.address, tls, handler(s))
		path := filepath.Join(s.directory, "Caddyfile")
		if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
			return nil, err
		}
		command := exec.Command(s.caddy, "run", "--config", path)
		// All of them are up at once, and would share Caddy's data directory.
		command.Env = append(os.Environ(), "HOME="+s.directory, "XDG_DATA_HOME="+s.directory, "XDG_CONFIG_HOME="+s.directory)
		return command, nil
	}
}

// trust is the option by which a transport trusts the upstream's certificate.
func (s site) trust() string {
	if !s.upstreamTLS {
		return ""
	}
	return "tls_trust_pool file " + filepath.Join(s.certificate, loopback.CertificateFile)
}

// plainProxy is the base: Caddy's proxy without anything else.
func plainProxy(s site) string {
	return fmt.Sprintf("reverse_proxy %s {\n\t\ttransport http {\n\t\t\t%s\n\t\t}\n\t}", s.sink, s.trust())
}

// uploadcare is the gateway, with another transport than its own if one is
// named.
func uploadcare(transport string) func(site) string {
	return func(s site) string {
		options := ""
		switch {
		case transport != "":
			options = fmt.Sprintf("transport %s {\n\t\t\t%s\n\t\t}", transport, s.trust())
		case s.upstreamTLS:
			options = fmt.Sprintf("transport uploadcare {\n\t\t\t%s\n\t\t}", s.trust())
		}
		return fmt.Sprintf("uploadcare {\n\t\tproject %s {\n\t\t\tsecret_key demosecretkey\n\t\t}\n\t\tupstream %s\n\t\t%s\n\t}",
			publicKey, s.sink, options)
	}
}

// rewriter starts this program in the role of runRewriter.
func rewriter(s site) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return exec.Command(self, "rewriter", "-address", s.address, "-upstream", s.sink, "-certificate", s.certificate,
		fmt.Sprintf("-tls=%v", s.downstream != http1)), nil
}
