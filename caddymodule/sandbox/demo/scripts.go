// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
)

// DefaultScripts is a public CDN of npm packages.
const DefaultScripts = "https://cdn.jsdelivr.net/npm/"

// ErrScripts means that the option Scripts is neither the URL of a CDN nor a directory.
var ErrScripts = errors.New("the scripts must be the base URL of a CDN or a directory")

// asset is a file of an npm package, in the version for which the page was written.
type asset struct {
	pkg, version, path string
	integrity          string // Subresource Integrity of exactly this version
}

var (
	widgetScript = asset{
		"uploadcare-widget", "3.24.0", "uploadcare.full.min.js",
		"sha384-3HODUUUF4ir50TGquOv9A9TH1q+AFiTV0LT2WWbUylTX+hFOdgQd50cZczmC9JS0",
	}
	uploaderScript = asset{
		"@uploadcare/file-uploader", "1.33.2", "web/file-uploader.iife.min.js",
		"sha384-IeJIYzI/xtOmLjvFr0CPjJh0BGY+7RiyikkUe0VvHsLKLGMXR+S+SNeNXrqe4WJj",
	}
	uploaderStyle = asset{
		"@uploadcare/file-uploader", "1.33.2", "web/uc-file-uploader-regular.min.css",
		"sha384-POuv7Sboaz9hVlxAUvNy9OVkCxUG59NKJJc3sG5m9rtXEF6gcA6lyPTxRxwEOhnV",
	}
)

// scripts is the source of the uploaders' files.
type scripts struct {
	base    string       // ends in a slash
	origin  string       // as a source of the Content-Security-Policy; empty for the page's own
	handler http.Handler // serves a directory; nil for a CDN
}

// newScripts returns the source at place: a URL is a CDN, anything else a directory, and ""
// the default.
func newScripts(place string) (*scripts, error) {
	if place == "" {
		place = DefaultScripts
	}
	if strings.Contains(place, "://") {
		address, ok := parseBase(place)
		if !ok {
			return nil, fmt.Errorf("%w, got %q", ErrScripts, place)
		}
		return &scripts{base: address.String() + "/", origin: origin(address)}, nil
	}
	info, err := os.Stat(place)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrScripts, err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%w, got the file %q", ErrScripts, place)
	}
	return &scripts{base: scriptsPrefix, handler: onlyAssets(http.FileServerFS(os.DirFS(place)))}, nil
}

// onlyAssets serves the files that the page needs, and nothing else of the directory: a
// node_modules may contain much that is not meant to be public.
func onlyAssets(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, a := range []asset{widgetScript, uploaderScript, uploaderStyle} {
			if r.URL.Path == "/"+a.pkg+"/"+a.path {
				next.ServeHTTP(w, r)
				return
			}
		}
		http.NotFound(w, r)
	})
}

// source is the address of an asset and its checksum, for the template, and the npm package
// that has it, for people who cannot reach that address.
type source struct{ URL, Integrity, Package string }

// source returns the address of an asset. Files of a directory may be of another version, so
// they have no checksum.
func (s *scripts) source(a asset) source {
	versioned := a.pkg + "@" + a.version
	if s.handler != nil {
		return source{URL: s.base + a.pkg + "/" + a.path, Package: versioned}
	}
	return source{s.base + versioned + "/" + a.path, a.integrity, versioned}
}

// Widget returns the address of the jQuery widget, for the template.
func (s *scripts) Widget() source { return s.source(widgetScript) }

// Uploader returns the address of File Uploader, for the template.
func (s *scripts) Uploader() source { return s.source(uploaderScript) }

// UploaderStyle returns the address of File Uploader's style sheet, for the template.
func (s *scripts) UploaderStyle() source { return s.source(uploaderStyle) }
