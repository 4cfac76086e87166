// SPDX-License-Identifier: Apache-2.0

// Package sandbox is a local stand-in for Uploadcare's Upload API, as a Caddy HTTP
// handler: the upstream of the example, and the strict counterpart of the tests. It
// accepts signed uploads in every way that the service documents, stores them below one
// directory, and serves what it has stored (`/info/` and `/<uuid>/`).
//
// A request is judged when all of it has arrived, so every refusal comes after the body.
// Refusals are [uploadapi.Error], written in the client's dialect. Errors of the disk are
// logged and become a 500; a file is visible only when it is complete.
//
// Forms are read as leniently as most servers read them. Where it is not known how the
// service treats a credential, such as one that is sent twice, the sandbox refuses it with
// an error of its own (its code begins with Sandbox), so that a test notices. It is not for
// production.
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

// Defaults of the options.
const (
	// The keys are Uploadcare's own demo key and its counterpart, so that an example
	// needs no account.
	defaultPublicKey = "demopublickey"
	defaultSecretKey = "demosecretkey" //nolint:gosec // a documented demo key that opens nothing
	// defaultRootName is a directory in Caddy's data directory.
	defaultRootName = "uploadcare_sandbox"
	// defaultStorageLimit is 1 GiB: a forgotten sandbox must not fill a disk.
	defaultStorageLimit = 1 << 30
	// defaultMultipartLimit is the service's limit.
	defaultMultipartLimit = 5 << 30
)

// Handler responds as the Upload API of one project with Secure Uploading switched on,
// and stores what it accepts on the local disk. It never calls the next handler. It is
// meant for development and tests, not for production.
//
// The endpoints are those of the Upload API: `/base/`, `/multipart/start/` and
// `/multipart/complete/`, `/from_url/` and `/from_url/status/`, `/group/` and
// `/group/info/`, `/info/`, and the legacy widget's `/iframe/`. Beside them are
// `PUT /parts/<uuid>/<n>`, which stands in for S3, and `GET /<uuid>/`, which
// returns a stored file, also under any name (`/<uuid>/<name>`) and unchanged
// with a CDN's operations (`/<uuid>/-/...`). At `/` is a page that uploads through
// a gateway with real uploaders. Every other path gets a 404.
//
// Forms are read as leniently as most servers read them, except where that leaves it
// uncertain which credential they have. A file has the media type that its client sent,
// or, if that is `application/octet-stream` or none, the one that its first bytes suggest.
//
// Handlers with the same root share its files and their accounting, also across reloads.
// A root must be used by one Caddy process at a time.
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

	// The directory in which uploads are stored; it is created if it does not
	// exist. Placeholders are resolved when the configuration is loaded.
	// Default: `uploadcare_sandbox` in Caddy's data directory.
	Root string `json:"root,omitempty"`

	// The largest request that `/base/` and `/iframe/` accept, and the largest
	// file that `/from_url/` fetches, in bytes. 0 means the default.
	// Default: 104857600 (100 MiB).
	RequestLimit int64 `json:"request_limit,omitempty"`

	// How many bytes all files in the root may have in total, including uploads
	// that are under way. 0 means the default.
	// Default: 1073741824 (1 GiB).
	StorageLimit int64 `json:"storage_limit,omitempty"`

	// The largest file that `/multipart/start/` accepts, in bytes. 0 means the
	// default. Default: 5368709120 (5 GiB).
	MultipartLimit int64 `json:"multipart_limit,omitempty"`

	// The URL at which clients reach the sandbox itself, such as
	// `http://localhost:8081`. The parts of a multipart upload go there.
	// Placeholders are resolved when the configuration is loaded. Default: the
	// address at which the request arrived.
	PublicURL string `json:"public_url,omitempty"`

	// Whether `/from_url/` fetches from private addresses, including loopback. It
	// always fetches from public ones and from the sandbox itself. Default: `false`.
	AllowPrivateSources bool `json:"allow_private_sources,omitempty"`

	// One of so many correctly signed requests gets 429 with `Retry-After: 1`, so
	// that a client's retries can be tested. 1 throttles all of them. Default: 0,
	// which throttles none.
	ThrottleEvery int `json:"throttle_every,omitempty"`

	// Where the demo page, at `/`, uploads to: the base URL of a gateway.
	// Default: `http://localhost:8080`.
	DemoGateway string `json:"demo_gateway,omitempty"`

	// Where the demo page's scripts come from: the base URL of a CDN that serves
	// npm packages as `<package>@<version>/<path>`, or a directory that holds
	// them, such as npm's `node_modules`. Default: `https://cdn.jsdelivr.net/npm`.
	DemoScripts string `json:"demo_scripts,omitempty"`

	publicKey string // these four are the options above with placeholders replaced
	secretKey string
	root      string
	publicURL string

	page           *demo.Handler
	background     *background   // fetches that go on after their response
	fetchSlots     chan struct{} // a semaphore of maxFetches
	fetchTimeout   time.Duration
	signedRequests *atomic.Int64 // counted for ThrottleEvery
	operations     *operations

	holdsStore bool // there is a reference in the pool that Cleanup must release
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
	h.now = time.Now // tests set another clock
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
	// A reference of the handler's own keeps the store, and what it has counted, between
	// two requests.
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

// announce logs a warning at each load: a sandbox that has got into production by mistake
// would accept uploads that never reach Uploadcare.
func (h *Handler) announce() {
	h.logger.Warn("this is a local sandbox of the upload API, not for production",
		zap.String("root", h.root),
		zap.Int64("request_limit", h.RequestLimit),
		zap.Int64("storage_limit", h.StorageLimit))
}

// setDefaults sets the options that are not given.
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

// errSecretPlaceholder replaces the replacer's own error, which quotes what stands between
// braces: in a secret, that is a part of the secret.
var errSecretPlaceholder = errors.New("secret_key: a placeholder in it is unknown or empty")

// resolve replaces the placeholders in options when the configuration is loaded.
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

// resolvePublicURL resolves and checks PublicURL.
func (h *Handler) resolvePublicURL(replacer *caddy.Replacer) error {
	if h.PublicURL == "" {
		return nil
	}
	text, err := replacer.ReplaceOrErr(h.PublicURL, true, true)
	if err != nil {
		return fmt.Errorf("public_url: %w", err)
	}
	// Checked at load: a wrong one would only show when a large file is uploaded.
	var ok bool
	if h.publicURL, ok = parsePublicURL(text); !ok {
		return fmt.Errorf("public_url: must be the http or https URL of a host, got %q", text)
	}
	return nil
}

// Validate rejects negative limits, which JSON can express and the Caddyfile cannot.
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

// Cleanup ends fetches that are under way and releases the handler's reference to the
// store. Requests that are still running have references of their own.
func (h *Handler) Cleanup() error {
	if h.background != nil { // it is nil if Provision failed
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
