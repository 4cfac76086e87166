// SPDX-License-Identifier: Apache-2.0

package source

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

func init() {
	caddy.RegisterModule(Resolver{})
}

const (
	defaultResolverTimeout = 5 * time.Second
	maxResolverTimeout     = time.Minute

	defaultResolverRetries = 3
	maxResolverRetries     = 10

	// retryPause is between warnings that say that the resolver is asked again.
	retryPause = 10 * time.Second
)

// Resolver takes credentials from an HTTP endpoint, such as the one that File
// Uploader's `secureUploadsSignatureResolver` asks. It is asked by GET and
// answers in JSON, with one of:
//
//	{"secureSignature": "<64 hexadecimal digits>", "secureExpire": "<Unix seconds>"}
//	{"signature": "<64 hexadecimal digits>", "expire": <Unix seconds>}
//	{"token": "<JWT>"}
//
// The expiry may be a string or a number in both pairs, and other members mean
// nothing. The token is for scheme `token`. An answer of 401, 403 or 204, `null`
// and `{}` refuse a credential; then the upload is refused too. No connection, an
// answer that is late or broken, and the statuses 408, 429 and 5xx may pass, and
// the endpoint is asked again. Redirects are followed on the same host alone, up
// to three times.
//
// See https://uploadcare.com/docs/file-uploader/secure-uploads/.
type Resolver struct {
	// The endpoint. It must have HTTPS, unless its host is on loopback
	// (`localhost` and names below it, 127.0.0.0/8, ::1). A user and password
	// in it are sent as `Authorization`. Placeholders of the environment and of
	// files are replaced when the config is loaded, and files are read again
	// when they change. Required.
	URL string `json:"url,omitempty"`

	// What is sent with each request, besides `Accept` and `User-Agent`.
	// Placeholders of the environment and of files are replaced as in the URL.
	// Those of the request, which begin with `http.`, are replaced for each
	// upload; credentials are cached for each set of values then, so that one
	// caller's never sign another's upload. Prefer those that are the same for
	// all uploads of a caller, such as `{http.request.header.Authorization}`. A
	// header whose placeholders of the request are all empty is left out.
	// Default: none.
	Headers http.Header `json:"headers,omitempty"`

	// How long asking may take, all attempts and the pauses between them
	// together, up to a minute. 0 means the default. Default: `5s`.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// How many further attempts there are after one that failed in a way that
	// may pass, up to 10, while there is time. The pauses between them grow from
	// a tenth of a second to two, and are as long as the endpoint says in
	// `Retry-After`. Default: 3.
	Retries *int `json:"retries,omitempty"`

	// Whether the endpoint may have HTTP without TLS on any host. Default: false.
	InsecureHTTP bool `json:"insecure_http,omitempty"`

	// How the endpoint is reached: a transport of `reverse_proxy`. It has the
	// options for client certificates, a certificate authority of one's own and
	// proxies. Default: `{"protocol": "http"}`.
	TransportRaw json.RawMessage `json:"transport,omitempty" caddy:"namespace=http.reverse_proxy.transport inline_key=protocol"`

	*changes
	url       *setting
	headers   []*resolverHeader
	transport http.RoundTripper
	reached   string // the transport, as it is configured
	hasTLS    bool   // the transport has options of TLS
	logger    *zap.Logger
	retried   *atomic.Int64 // when a retry was last reported, in Unix nanoseconds
}

// CaddyModule returns the Caddy module information.
func (Resolver) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  Namespace + ".resolver",
		New: func() caddy.Module { return new(Resolver) },
	}
}

// Provision resolves the placeholders, sets the defaults and loads the
// transport. Nobody is asked yet.
func (r *Resolver) Provision(ctx caddy.Context) error {
	r.logger = ctx.Logger()
	if r.Timeout == 0 {
		r.Timeout = caddy.Duration(defaultResolverTimeout)
	}
	if r.Retries == nil {
		r.Retries = new(int)
		*r.Retries = defaultResolverRetries
	}
	if strings.Contains(r.URL, "{http.") {
		return errors.New("url: placeholders of the request can only be in headers")
	}
	var err error
	if r.url, err = newSetting("url", r.URL); err != nil {
		return err
	}
	if r.headers, err = newResolverHeaders(r.Headers); err != nil {
		return err
	}
	if err := r.loadTransport(ctx); err != nil {
		return fmt.Errorf("transport: %w", err)
	}
	settings := []*setting{r.url}
	for _, header := range r.headers {
		for _, setting := range header.settings {
			settings = append(settings, setting)
		}
	}
	r.changes, r.retried = new(changes), new(atomic.Int64)
	r.watch(ctx, r.logger, settings...)
	return nil
}

// Validate checks the options.
func (r *Resolver) Validate() error {
	if timeout := time.Duration(r.Timeout); timeout < 0 || timeout > maxResolverTimeout {
		return fmt.Errorf("timeout: %s is not between 0s and %s", timeout, maxResolverTimeout)
	}
	if *r.Retries < 0 || *r.Retries > maxResolverRetries {
		return fmt.Errorf("retries: %d is not between 0 and %d", *r.Retries, maxResolverRetries)
	}
	endpoint, err := r.endpoint(nil)
	if err != nil {
		return err
	}
	if r.hasTLS && endpoint.URL.Scheme == "http" {
		return errors.New("url: http would go without the TLS that the transport has options for: write https")
	}
	for _, header := range r.headers {
		if header.name == "Authorization" && endpoint.URL.User != nil {
			return errors.New("url: its user and password would be sent as Authorization, which is among the headers too")
		}
	}
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner     = (*Resolver)(nil)
	_ caddy.Validator       = (*Resolver)(nil)
	_ caddyfile.Unmarshaler = (*Resolver)(nil)
	_ ChangingSource        = (*Resolver)(nil)
	_ RequestSource         = (*Resolver)(nil)
)
