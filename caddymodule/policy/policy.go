// SPDX-License-Identifier: Apache-2.0

// Package policy decides what may be uploaded: how large, of which types, from which
// addresses, at which endpoints, and with which metadata. It knows nothing of HTTP
// servers, of Caddy or of time.
//
// A [Policy] is what a configuration says. It compiles to [Rules], which are immutable.
// A [Judge] judges one upload by them while the upload passes.
package policy

// Policy is what a project's configuration says about the uploads that it takes. Its
// rules apply to what the gateway sees: a presigned pair of signature and expire that
// a client got elsewhere is a way round all of them.
type Policy struct {
	// MaxFileSize is the size of the largest file, in bytes. It is counted where the
	// file's bytes pass, and compared with the declared size where its parts go
	// elsewhere. What /from_url/ fetches has no known size. Default: no limit but the
	// service's.
	MaxFileSize int64 `json:"max_file_size,omitempty"`

	// Types are the types of files that may be uploaded: `image/png`, `image/*`, `*/*`,
	// or the extension of a file name, `.pdf`. The declared type, the extension and the
	// first bytes of a file must agree with the list. Default: any.
	Types []string `json:"types,omitempty"`

	// FromURL are the hosts from which /from_url/ may fetch: `cdn.example.com`,
	// `*.example.com` for every host below that one, with a port if it is not the
	// scheme's (`cdn.example.com:8443`); or the single word `off`. Default: any.
	FromURL []string `json:"from_url,omitempty"`

	// Endpoints are those that may be used: `base` (with /iframe/), `multipart`,
	// `from_url`, `group`. Default: all.
	Endpoints []string `json:"endpoints,omitempty"`

	// MaxFiles is how many files one form may have. Default: no limit but the service's.
	MaxFiles int `json:"max_files,omitempty"`

	// Metadata are the metadata that each upload gets, by their keys. What the client
	// sends under the same keys is taken out. A value may have placeholders of the
	// request; where it is empty, nothing is put in. Default: none.
	Metadata map[string]string `json:"metadata,omitempty"`

	// Store is whether the service keeps a file: `0`, `1`, `auto`, or a placeholder of
	// the request. What the client sends is taken out. Default: as the client says.
	Store string `json:"store,omitempty"`
}
