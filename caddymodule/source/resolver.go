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

	// retryWarningInterval is the least time between two warnings of retries. A resolver
	// that is down is asked so often that each warning would bury the log.
	retryWarningInterval = 10 * time.Second
)

// Resolver fetches credentials from an HTTP endpoint of yours, such as the one that File
// Uploader's `secureUploadsSignatureResolver` uses. The endpoint gets a GET request and
// responds in JSON, with one of:
//
//	{"secureSignature": "<64 hexadecimal digits>", "secureExpire": "<Unix seconds>"}
//	{"signature": "<64 hexadecimal digits>", "expire": <Unix seconds>}
//	{"token": "<JWT>"}
//
// In both pairs the expiry may be a string or a number, and other members are ignored.
// `token` is for projects in scheme `token`. A response of 401, 403 or 204, `null` or
// `{}` refuses a credential; then the upload is refused too. If there is no connection,
// the response is late or broken, or its status is 408, 429 or 5xx, the request is
// retried. Redirects are followed up to three times, and only on the same host.
//
// See https://uploadcare.com/docs/file-uploader/secure-uploads/.
type Resolver struct {
	// The address of the endpoint. It must be HTTPS, unless its host is on loopback
	// (`localhost` and names below it, 127.0.0.0/8, ::1). A user and password in it are
	// sent as `Authorization`. Placeholders of the environment and of files are replaced
	// when the config is loaded, and files are read again when they change. Required.
	URL string `json:"url,omitempty"`

	// The headers that are sent with each request, besides `Accept` and `User-Agent`.
	// Placeholders of the environment and of files are replaced as in the URL.
	// Placeholders of the upload's request, which begin with `http.`, are replaced for
	// each upload; credentials are then cached by their values, so that a credential for
	// one user never signs another's upload. Prefer placeholders with one value for all
	// uploads of a user, such as `{http.request.header.Authorization}`. A header is left
	// out if all of its placeholders of the request are empty. Default: none.
	Headers http.Header `json:"headers,omitempty"`

	// How long all attempts and the pauses between them may take together, up to a
	// minute. 0 means the default. Default: `5s`.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// How often a failed request is retried, up to 10 times, if the failure may pass and
	// the timeout allows it. The pauses between attempts grow from a tenth of a second to
	// two seconds, or are as long as the endpoint says in `Retry-After`. Default: 3.
	Retries *int `json:"retries,omitempty"`

	// Whether the endpoint may be HTTP without TLS on any host. Anyone on the way can
	// then read the credentials. Default: `false`.
	InsecureHTTP bool `json:"insecure_http,omitempty"`

	// The transport of `reverse_proxy` by which the endpoint is reached, with options for
	// client certificates, a private certificate authority and proxies.
	// Default: `{"protocol": "http"}`.
	TransportRaw json.RawMessage `json:"transport,omitempty" caddy:"namespace=http.reverse_proxy.transport inline_key=protocol"`

	*changes
	url             *setting
	headers         []*resolverHeader
	transport       http.RoundTripper
	transportConfig string // for the cache key
	hasTLS          bool   // the transport has options of TLS
	logger          *zap.Logger
	retried         *atomic.Int64 // when a retry was last reported, in Unix nanoseconds
}

// CaddyModule returns the Caddy module information.
func (Resolver) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  Namespace + ".resolver",
		New: func() caddy.Module { return new(Resolver) },
	}
}

// Provision resolves the placeholders, sets the defaults and loads the transport. No
// request is sent yet: a back end that is down must not keep the sites from loading.
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

// Validate checks the options, as far as that needs no request.
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
