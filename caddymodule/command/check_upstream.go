// SPDX-License-Identifier: Apache-2.0

package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// site runs the checks of what is behind an uploadcare_sign.
func (c *checker) site(s *site, loaded loadedSite) {
	if loaded.proxy == nil {
		c.found(finding{"upstream", s.name(), warning, "there is no proxy behind uploadcare_sign that could be tried", "put a `reverse_proxy` to the Upload API behind it, or use `uploadcare`"})
		return
	}
	if c.offline {
		return
	}
	c.found(checkLoop(c.ctx, s))
	ctx, cancel := context.WithTimeout(c.ctx, limit)
	defer cancel()
	c.found(checkUpstream(ctx, s, loaded)...)
	if c.live {
		c.found(c.checkLive(s, loaded)...)
	}
}

// upstream is the config of a proxy, as far as checks need it.
type upstream struct {
	Upstreams []struct {
		Dial string `json:"dial"`
	} `json:"upstreams"`
	Transport struct { // `uploadcare` or `http`, which have the same options
		TLS      json.RawMessage `json:"tls"`
		Resolver struct {
			Addresses []string `json:"addresses"`
		} `json:"resolver"`
	} `json:"transport"`
}

// upstream returns the proxy behind the gateway, as it is configured.
func (s *site) upstream() (u upstream) {
	for _, handler := range s.behind {
		if isProxy(handler.name) {
			_ = json.Unmarshal(handler.config, &u) // loading the config reports the error
			break
		}
	}
	return u
}

// String returns the addresses, or a word for upstreams that are found when a request comes.
func (u upstream) String() string {
	all := make([]string, 0, len(u.Upstreams))
	for _, one := range u.Upstreams {
		all = append(all, one.Dial)
	}
	if len(all) == 0 {
		return "the upstream"
	}
	return strings.Join(all, ", ")
}

// checkUpstream sends a request that changes nothing through the proxy, as uploads go, and
// compares the clocks by its response.
func checkUpstream(ctx context.Context, s *site, loaded loadedSite) []finding {
	to := s.upstream()
	// The file does not exist, so the service responds with 404, which proves the way to it.
	// The scheme is that of a request to the site; the proxy's own is in its transport.
	address := "http://" + s.requestHost() + uploadapi.Info + "?pub_key=demopublickey&file_id=00000000-0000-4000-8000-000000000000"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return []finding{{"upstream", s.name(), failed, err.Error(), "check the site's address"}}
	}
	began := time.Now()
	response, _, err := serve(nil, loaded.proxy, request)
	took := time.Since(began)
	if err != nil {
		return []finding{{"upstream", s.name(), failed, fmt.Sprintf("%s cannot be reached: %v", to, withoutStatus(err)), upstreamRemedy(err)}}
	}
	findings := []finding{judgeUpstream(s, to, response.status, took)}
	if clock, ok := checkClock(s, response.Header(), began.Add(took/2)); ok {
		findings = append(findings, clock)
	}
	return findings
}

// judgeUpstream returns the finding on a response of the upstream.
func judgeUpstream(s *site, to upstream, status int, took time.Duration) finding {
	secure := "over TLS"
	if to.Transport.TLS == nil {
		secure = "without TLS"
	}
	f := finding{"upstream", s.name(), ok, fmt.Sprintf("%s responds, %s, with status %d after %s", to, secure, status, took.Round(time.Millisecond)), ""}
	switch {
	// Any other status is a response of the service, which proves that it can be reached.
	case status == http.StatusLoopDetected:
		f.Verdict, f.Remedy = failed, loopRemedy(to)
	case status < http.StatusBadRequest: // as of a site of Caddy's that no host matches: uploads would be lost there
		f.Verdict, f.Text = warning, f.Text+" to a request for a file that does not exist, as the Upload API would not"
		f.Remedy = "check that `upstream` is the Upload API, and which Host it is sent (`header_up`, or `upstream_host` of the transport)"
	case status >= http.StatusInternalServerError:
		f.Verdict, f.Remedy = warning, "see whether the service has an outage (https://status.uploadcare.com), and what is between it and this machine"
	}
	return f
}

// withoutStatus returns the error of a proxy without Caddy's own text around it.
func withoutStatus(err error) error {
	if handlerError, ok := errors.AsType[caddyhttp.HandlerError](err); ok && handlerError.Err != nil {
		return handlerError.Err
	}
	return err
}

// upstreamRemedy returns what to do about an error of the proxy, by its text: some of Caddy's
// errors have no type, and others do not unwrap.
func upstreamRemedy(err error) string {
	text := err.Error()
	has := func(words ...string) bool {
		for _, word := range words {
			if strings.Contains(text, word) {
				return true
			}
		}
		return false
	}
	switch {
	case has("no such host", "lookup "):
		return "check this machine's DNS (/etc/resolv.conf, or `resolvers` in the transport): the name must resolve here, and to the service's own address"
	case has("x509", "certificate"):
		return "check what is between this machine and the service: its certificate must be trusted here (ca-certificates), and be for that name; also that this machine's clock is right"
	case has("tls:", "first record does not look like"):
		return "the server does not speak TLS on that port, or something in between does not: check the scheme and the port of `upstream`"
	case has("connection refused"):
		return "nothing listens there: check the host and the port of `upstream`"
	case has("timeout", "deadline exceeded", "unreachable", "no route"):
		return "check firewalls and proxies: this machine must be able to connect there"
	default:
		return "check `upstream`, and the options of its transport"
	}
}

// clockAllowance is the difference up to which the gateway corrects nothing, and clockMaximum
// the largest that it corrects. Both are as in package project.
const (
	clockAllowance = 30 * time.Second
	clockMaximum   = 24 * time.Hour
)

// checkClock compares this machine's clock with the upstream's. A response with an Age was
// cached, and its Date is as old (RFC 9111, section 5.1).
func checkClock(s *site, header http.Header, at time.Time) (finding, bool) {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil || header.Get("Age") != "" {
		return finding{}, false
	}
	const rounding = 500 * time.Millisecond // what a Date leaves out on average
	offset := date.Add(rounding).Sub(at).Round(time.Second)
	f := finding{"clock", s.name(), ok, fmt.Sprintf("this machine's clock differs from the upstream's by %s", offset.Abs()), ""}
	const remedy = "set this machine's clock, and keep it right with NTP (systemd-timesyncd, chrony)"
	switch {
	// The gateway takes so large a difference for a response with a wrong Date, and corrects
	// nothing; if the clock is wrong all the same, the service takes no credential.
	case offset.Abs() > clockMaximum:
		f.Verdict, f.Text, f.Remedy = failed, f.Text+", more than the gateway corrects", remedy
	case offset.Abs() > clockAllowance:
		f.Verdict, f.Text, f.Remedy = warning, f.Text+"; the gateway corrects it after the first responses over TLS", remedy
	}
	return f, true
}

// requestHost returns a host for the requests of the checks. A pattern such as *.example.com
// cannot be sent; any name will do then, as the proxy sends the upstream's.
func (s *site) requestHost() string {
	if hosts := s.hosts(); len(hosts) > 0 && !strings.ContainsAny(hosts[0], "*{ ") {
		return hosts[0]
	}
	return "localhost"
}
