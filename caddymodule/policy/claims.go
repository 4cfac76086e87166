// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"strings"
)

// maxClaims is how many types or extensions one file may claim. More than a few come
// from no client; a bound keeps what is held of a form from growing with it.
const maxClaims = 32

// claims are what a file says that it is, under every reading.
type claims struct {
	types      []string // declared ones, canonical
	extensions []string
	doubt      string // why there may be claims that are not in the lists; or empty

	room [2]string // for one of each, which is what nearly all files claim
}

// reset empties the lists, and keeps their room for the next file.
func (c *claims) reset() {
	if c.types == nil {
		c.types, c.extensions = c.room[:0:1], c.room[1:1:2]
	}
	c.types, c.extensions, c.doubt = c.types[:0], c.extensions[:0], ""
}

// declare adds a declared type. Parameters say nothing of the type.
func (c *claims) declare(text string) {
	if knownTypes[text] { // as nearly always
		c.types = c.add(c.types, text)
		return
	}
	mediaType, known := essence(text)
	switch {
	case !known:
		c.doubt = "type " + quote(text)
	case mediaType != "":
		if len(mediaType) < len(text) {
			mediaType = strings.Clone(mediaType) // or all of a long text would be held with it
		}
		c.types = c.add(c.types, canonical(mediaType))
	}
}

// name adds the extensions of a file name.
func (c *claims) name(name string) { fileExtensions(name, c.extension) }

func (c *claims) extension(extension string) {
	if known, isKnown := extensionNames[extension]; isKnown {
		extension = known
	} else {
		extension = strings.Clone(extension) // or all of a long name would be held with it
	}
	c.extensions = c.add(c.extensions, extension)
}

func (c *claims) add(list []string, value string) []string {
	switch {
	case slices.Contains(list, value):
		return list
	case len(list) == maxClaims:
		c.doubt = "too many names or types"
		return list
	}
	return append(list, value)
}

// silent reports whether nothing is claimed.
func (c *claims) silent() bool { return len(c.types) == 0 && len(c.extensions) == 0 }

// nameOf adds the extensions that an address's path ends with. Some parsers end it at a blank.
func (c *claims) nameOf(s source) {
	c.nameOfPath(s.path)
	if bare, _, found := strings.Cut(s.path, " "); found {
		c.nameOfPath(bare)
	}
}

// nameOfPath adds the extensions of the last segment. Some parsers take what follows a
// semicolon for parameters (RFC 2396, section 3.3).
func (c *claims) nameOfPath(path string) {
	segment := path[strings.LastIndexByte(path, '/')+1:]
	c.name(segment)
	if bare, _, found := strings.Cut(segment, ";"); found {
		c.name(bare)
	}
}

// follow adds what the path of an address says of a file. The service prefers a file
// name, if it reads one; so beside one, what is no known extension says nothing.
func (c *claims) follow(path *claims) {
	isNamed := len(c.extensions) > 0
	for _, extension := range path.extensions {
		if _, known := extensionTypes[extension]; known || !isNamed {
			c.extension(extension)
		}
	}
	if path.doubt != "" {
		c.doubt = path.doubt
	}
}
