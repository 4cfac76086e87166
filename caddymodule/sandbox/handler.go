// SPDX-License-Identifier: Apache-2.0

// Package sandbox is a local stand-in for Uploadcare's Upload API, as a Caddy
// HTTP handler: the upstream of the example, and the strict counterpart of the
// tests. It takes signed uploads in every way that the service documents, keeps
// them below one directory, and shows what it keeps (`/info/` and `/<uuid>/`).
//
// It reads forms as leniently as most servers do. Where it is not known what the
// service makes of a credential, such as one that is sent twice, the sandbox
// refuses it loudly. It is not for production.
package sandbox

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/sandbox/demo"
)

func init() {
	caddy.RegisterModule(Handler{})
}

// What an option is when it is not given.
const (
	defaultPublicKey    = "demopublickey"
	defaultSecretKey    = "demosecretkey" //nolint:gosec // a documented demo key that opens nothing
	defaultRootName     = "uploadcare_sandbox"
	defaultStorageLimit = 1 << 30
	// defaultMultipartLimit is the service's own.
	defaultMultipartLimit = 5 << 30
)

// Handler responds as the Upload API of one project that has Secure Uploading
// on, and stores what it accepts on the local disk. It never calls the next
// handler. It is made for development and tests, not for production.
//
// The endpoints are those of the Upload API: `/base/`, `/multipart/start/` and
// `/multipart/complete/`, `/from_url/` and `/from_url/status/`, `/group/` and
// `/group/info/`, `/info/`, and the legacy widget's `/iframe/`. Beside them are
// `PUT /parts/<uuid>/<n>`, which stands in for S3, and `GET /<uuid>/`, which
// returns a stored file, also under any name (`/<uuid>/<name>`) and unchanged
// with a CDN's operations (`/<uuid>/-/...`). At `/` is a page that uploads through
// a gateway with real uploaders. Every other path gets a 404.
//
// Forms are read as leniently as most servers read them, but for what leaves
// open which credential they carry. A file has the media type that its client
// says, or, where that is `application/octet-stream` or none, the one that its
// first bytes look like.
//
// Handlers with the same root share its files and their accounting, also
// across reloads. A root belongs to one Caddy process at a time.
type Handler struct {
	// The public key of the only project that the sandbox knows.
	// Placeholders such as `{env.UPLOADCARE_PUBLIC_KEY}` are resolved when
	// the configuration is loaded. Default: `demopublickey`.
	PublicKey string `json:"public_key,omitempty"`

	// The secret key with which clients, or the gateway in front, make
	// signatures and access tokens.
	// Placeholders such as `{env.UPLOADCARE_SECRET_KEY}` are resolved when
	// the configuration is loaded. Default: `demosecretkey`.
	SecretKey string `json:"secret_key,omitempty"`

	// The directory in which uploads are kept; it is made if it does not
	// exist. Placeholders are resolved when the configuration is loaded.
	// Default: `uploadcare_sandbox` in Caddy's data directory.
	Root string `json:"root,omitempty"`

	// The largest request that `/base/` and `/iframe/` take, and the largest
	// file that `/from_url/` fetches, in bytes. 0 means the default.
	// Default: 104857600 (100 MiB).
	RequestLimit int64 `json:"request_limit,omitempty"`

	// How many bytes all files in the root may have in total; uploads that
	// are under way count too. 0 means the default.
	// Default: 1073741824 (1 GiB).
	StorageLimit int64 `json:"storage_limit,omitempty"`

	// The largest file that `/multipart/start/` takes, in bytes. 0 means the
	// default. Default: 5368709120 (5 GiB).
	MultipartLimit int64 `json:"multipart_limit,omitempty"`

	// The URL at which clients reach the sandbox itself, such as
	// `http://localhost:8081`. The parts of a multipart upload go there.
	// Placeholders are resolved when the configuration is loaded. Default: the
	// address at which the request arrived.
	PublicURL string `json:"public_url,omitempty"`

	// Whether `/from_url/` fetches from private addresses, loopback among
	// them. It always fetches from public ones and from the sandbox itself.
	// Default: false.
	AllowPrivateSources bool `json:"allow_private_sources,omitempty"`

	// Every so many requests that are signed well, one gets the response
	// throttled: 429 with `Retry-After: 1`. 1 throttles all of them. Default:
	// 0, which throttles none.
	ThrottleEvery int `json:"throttle_every,omitempty"`

	// Where the demo page, at `/`, uploads to: the base URL of a gateway.
	// Default: `http://localhost:8080`.
	DemoGateway string `json:"demo_gateway,omitempty"`

	// Where the demo page's scripts come from: the base URL of a CDN that serves
	// npm packages as `<package>@<version>/<path>`, or a directory that holds
	// them, such as npm's `node_modules`. Default: `https://cdn.jsdelivr.net/npm`.
	DemoScripts string `json:"demo_scripts,omitempty"`

	publicKey string // the resolved twins of the options above
	secretKey string
	root      string
	publicURL string

	page           *demo.Handler
	background     *background
	fetchSlots     chan struct{}
	fetchTimeout   time.Duration
	signedRequests *atomic.Int64
	operations     *operations

	holdsStore bool // there is a reference in the pool that Cleanup must give back
	now        func() time.Time
	logger     *zap.Logger
}

// CaddyModule returns the Caddy module information.
func (Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.uploadcare_sandbox",
		New: func() caddy.Module { return new(Handler) },
	}
}

// Provision fills in the defaults, resolves placeholders and opens the root.
func (h *Handler) Provision(ctx caddy.Context) error {
	h.logger = ctx.Logger()
	h.now = time.Now
	h.setDefaults()
	if err := h.resolve(caddy.NewReplacer()); err != nil {
		return err
	}
	var err error
	if h.page, err = demo.New(demo.Options{Gateway: h.DemoGateway, PublicKey: h.publicKey, Scripts: h.DemoScripts}); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	root, err := prepareRoot(h.root)
	if err != nil {
		return fmt.Errorf("root: %w", err)
	}
	h.root = root
	if _, err := acquireStore(h.root); err != nil {
		return fmt.Errorf("root: %w", err)
	}
	h.holdsStore = true
	h.background = newBackground(ctx)
	h.fetchSlots = make(chan struct{}, maxFetches)
	h.fetchTimeout = defaultFetchTimeout
	h.signedRequests = new(atomic.Int64)
	h.operations = new(operations)
	h.announce()
	return nil
}

func (h *Handler) announce() {
	h.logger.Warn("this is a local sandbox of the upload API, not for production",
		zap.String("root", h.root),
		zap.Int64("request_limit", h.RequestLimit),
		zap.Int64("storage_limit", h.StorageLimit))
}

func (h *Handler) setDefaults() {
	if h.PublicKey == "" {
		h.PublicKey = defaultPublicKey
	}
	if h.SecretKey == "" {
		h.SecretKey = defaultSecretKey
	}
	if h.Root == "" {
		h.Root = filepath.Join(caddy.AppDataDir(), defaultRootName)
	}
	if h.RequestLimit == 0 {
		h.RequestLimit = uploadapi.DirectUploadLimit
	}
	if h.StorageLimit == 0 {
		h.StorageLimit = defaultStorageLimit
	}
	if h.MultipartLimit == 0 {
		h.MultipartLimit = defaultMultipartLimit
	}
}

// errSecretPlaceholder stands in for the replacer's own error, which quotes
// whatever stands between braces: in a secret that is part of the secret.
var errSecretPlaceholder = errors.New("secret_key: a placeholder in it is unknown or empty")

func (h *Handler) resolve(replacer *caddy.Replacer) error {
	var err error
	if h.publicKey, err = replacer.ReplaceOrErr(h.PublicKey, true, true); err != nil {
		return fmt.Errorf("public_key: %w", err)
	}
	if h.secretKey, err = replacer.ReplaceOrErr(h.SecretKey, true, true); err != nil {
		return errSecretPlaceholder
	}
	if h.root, err = replacer.ReplaceOrErr(h.Root, true, true); err != nil {
		return fmt.Errorf("root: %w", err)
	}
	return h.resolvePublicURL(replacer)
}

func (h *Handler) resolvePublicURL(replacer *caddy.Replacer) error {
	if h.PublicURL == "" {
		return nil
	}
	text, err := replacer.ReplaceOrErr(h.PublicURL, true, true)
	if err != nil {
		return fmt.Errorf("public_url: %w", err)
	}
	var ok bool
	if h.publicURL, ok = parsePublicURL(text); !ok {
		return fmt.Errorf("public_url: must be the http or https URL of a host, got %q", text)
	}
	return nil
}

// Validate rejects limits below zero.
func (h *Handler) Validate() error {
	if h.RequestLimit < 0 {
		return fmt.Errorf("request_limit: must not be negative, got %d", h.RequestLimit)
	}
	if h.StorageLimit < 0 {
		return fmt.Errorf("storage_limit: must not be negative, got %d", h.StorageLimit)
	}
	if h.MultipartLimit < 0 {
		return fmt.Errorf("multipart_limit: must not be negative, got %d", h.MultipartLimit)
	}
	if h.ThrottleEvery < 0 {
		return fmt.Errorf("throttle_every: must not be negative, got %d", h.ThrottleEvery)
	}
	return nil
}

// Cleanup ends fetches that are under way and gives back the handler's hold on
// the store. Requests that are still running have a hold of their own.
func (h *Handler) Cleanup() error {
	if h.background != nil {
		h.background.close()
	}
	if !h.holdsStore {
		return nil
	}
	h.holdsStore = false
	return releaseStore(h.root)
}

// Interface guards
var (
	_ caddy.Module                = (*Handler)(nil)
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.Validator             = (*Handler)(nil)
	_ caddy.CleanerUpper          = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
