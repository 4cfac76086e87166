// SPDX-License-Identifier: Apache-2.0

package main

import (
	"path/filepath"
	"strings"
	"text/template"

	"github.com/caddy-uploadcare/caddy-uploadcare/e2e/loopback"
)

const (
	// lifeHeader is in all responses of a gateway, and names its life, as the variable of its
	// environment does.
	lifeHeader   = "X-Life"
	lifeVariable = "STORM_LIFE"
)

// config is what a gateway's config is made of.
type config struct {
	Plain, Secure, Admin string // addresses
	Storage              string
	Secret               string // a file
	Resolver             string // URL
	NameServer           string
	PlainUpstream        string
	SecureUpstream       string
	Certificate, Key     string
	Reload               int // by whose number configs differ
}

// configOf returns the config of a gateway in a storm.
func (s *storm) configOf(g *gateway, storage, secret string, reload int) *config {
	return &config{
		Plain: g.plain, Secure: g.secure, Admin: g.admin, Storage: storage, Secret: secret, Resolver: "http://" + s.service.Addr, NameServer: s.names.address,
		PlainUpstream: "http://" + upstreamName + ":" + s.upstream.plain, SecureUpstream: "https://" + upstreamName + ":" + s.upstream.secure,
		Certificate: filepath.Join(s.directory, loopback.CertificateFile), Key: filepath.Join(s.directory, loopback.KeyFile), Reload: reload,
	}
}

// caddyfile returns the config as a Caddyfile.
func (c *config) caddyfile() string {
	var text strings.Builder
	if err := caddyfile.Execute(&text, c); err != nil {
		panic(err) // the template is the program's own
	}
	return text.String()
}

// caddyfile has a site without TLS and one with it, and upstreams likewise. The access log, on the
// standard output, is for the storm; all else goes to the standard error.
var caddyfile = template.Must(template.New("Caddyfile").Funcs(template.FuncMap{
	"minted": name(minted), "rotated": name(rotated), "resolved": name(resolved), "filed": name(filed), "limited": name(limited),
	"firstKey": name(firstKey), "secondKey": name(secondKey), "life": name(lifeHeader + " {env." + lifeVariable + "}"),
	"grace": gracePeriod.String, "policySize": func() int { return policySize + len(jpeg) },
}).Parse(`{
	admin {{.Admin}}
	persist_config off
	skip_install_trust
	auto_https disable_redirects
	grace_period {{grace}}
	storage {{.Storage}}
	log {
		output stderr
		level WARN
	}
}
(site) {
	bind 127.0.0.1
	header {{life}}
	header X-Reload {{.Reload}}
	log {
		output stdout
		format filter {
			request delete
			resp_headers delete
		}
	}
}
(projects) {
	project {{minted}} {
		secret_key {{firstKey}}
		lifetime 5m
		threshold 1m
		callers anyone
	}
	project {{rotated}} {
		secret_key {{firstKey}} {{secondKey}}
		callers anyone
	}
	project {{resolved}} {
		resolver {{.Resolver}} {
			timeout 2s
			retries 1
		}
		threshold 2s
		shared
		callers anyone
	}
	project {{filed}} {
		secret_key {file.{{.Secret}}}
		callers anyone
	}
	project {{limited}} {
		secret_key {{firstKey}}
		max_file_size {{policySize}}
		types image/*
		callers anyone
	}
	insecure_http
}
http://{{.Plain}} {
	import site
	uploadcare {
		import projects
		upstream {{.PlainUpstream}}
		transport uploadcare {
			resolvers {{.NameServer}}
		}
	}
}
https://{{.Secure}} {
	import site
	tls {{.Certificate}} {{.Key}}
	uploadcare {
		import projects
		upstream {{.SecureUpstream}}
		transport uploadcare {
			resolvers {{.NameServer}}
			tls_trust_pool file {{.Certificate}}
		}
	}
}
`))

// name returns a function for the template.
func name(of string) func() string { return func() string { return of } }
