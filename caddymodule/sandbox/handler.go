// SPDX-License-Identifier: Apache-2.0

// Package sandbox is a local stand-in for Uploadcare's Upload API, as a Caddy
// HTTP handler: the upstream of the example, and the strict counterpart of the
// tests. It takes signed direct uploads (`/base/`), keeps them below one
// directory, and shows what it keeps (`/info/` and `/<uuid>/`).
//
// Where it is not known what the service makes of a credential, such as one that
// is sent twice, the sandbox refuses it loudly. It is not for production.
package sandbox

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
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
)

// Handler answers as the Upload API of one project that has Secure Uploading
// on, and stores what it accepts on the local disk. It never calls the next
// handler. It is made for development and tests, not for production.
//
// The endpoints are `POST /base/`, `GET /info/` and `GET /<uuid>/`, which
// returns a stored file. Every other path is answered with 404.
//
// Handlers with the same root share its files and their accounting, also
// across reloads. A root belongs to one Caddy process at a time.
type Handler struct {
	// The public key of the only project that the sandbox knows.
	// Placeholders such as `{env.UPLOADCARE_PUBLIC_KEY}` are resolved when
	// the configuration is loaded. Default: `demopublickey`.
	PublicKey string `json:"public_key,omitempty"`

	// The secret key with which clients, or the gateway in front, sign.
	// Placeholders such as `{env.UPLOADCARE_SECRET_KEY}` are resolved when
	// the configuration is loaded. Default: `demosecretkey`.
	SecretKey string `json:"secret_key,omitempty"`

	// The directory in which uploads are kept; it is made if it does not
	// exist. Placeholders are resolved when the configuration is loaded.
	// Default: `uploadcare_sandbox` in Caddy's data directory.
	Root string `json:"root,omitempty"`

	// The largest request that `/base/` takes, in bytes. 0 means the
	// default. Default: 104857600 (100 MiB).
	RequestLimit int64 `json:"request_limit,omitempty"`

	// How many bytes all files in the root may have in total; uploads that
	// are under way count too. 0 means the default.
	// Default: 1073741824 (1 GiB).
	StorageLimit int64 `json:"storage_limit,omitempty"`

	publicKey string // the resolved twins of the options above
	secretKey string
	root      string

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
	root, err := prepareRoot(h.root)
	if err != nil {
		return fmt.Errorf("root: %w", err)
	}
	h.root = root
	if _, err := acquireStore(h.root); err != nil {
		return fmt.Errorf("root: %w", err)
	}
	h.holdsStore = true
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
	return nil
}

// Cleanup gives back the handler's hold on the store. Requests that are still
// running have a hold of their own.
func (h *Handler) Cleanup() error {
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
