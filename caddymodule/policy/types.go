// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"slices"
	"strings"
)

// typeRule is which types of files may be uploaded. docs/policy.md has the table that it
// implements.
type typeRule struct {
	types      map[string]bool // canonical; with all known ones that wildcards cover, so that one look-up finds them
	majors     map[string]bool // of wildcards: `image` of image/*
	extensions map[string]bool // listed ones, without their dot
	own        map[string]bool // the types of listed extensions, canonical
	known      map[string]bool // whether an extension of a known type is allowed, whatever is declared
}

// newTypeRule compiles the option types. Nil: any type is allowed.
func newTypeRule(entries []string) (*typeRule, error) {
	rule := &typeRule{make(map[string]bool), make(map[string]bool), make(map[string]bool), make(map[string]bool), make(map[string]bool)}
	anyType := len(entries) == 0
	for _, text := range entries {
		entry := asciiLower(text)
		major, minor, isType := strings.Cut(entry, "/")
		extension, isExt := strings.CutPrefix(entry, ".")
		switch {
		case entry == "*/*":
			anyType = true
		case isExt && isExtension(extension):
			rule.extensions[extension] = true
			// The bytes of such a file must be allowed, too, and what a client declares for
			// one without a name (a Blob in a page).
			for _, own := range slices.Concat(extensionTypes[extension], rarerTypes[extension]) {
				rule.own[own] = true
			}
		case !isType || !isToken(major) || !isToken(minor) || strings.Contains(major, "*"):
			return nil, fmt.Errorf("types %q: write a type (image/png), all of a kind (image/*), any (*/*), or the last extension of a file name (.pdf); blanks between them", text)
		// Wildcards stand apart from types: only they cover what is not known.
		case minor == "*":
			rule.majors[major] = true
		case strings.Contains(minor, "*"):
			return nil, fmt.Errorf("types %q: a wildcard stands for a whole subtype; write %s/*", text, major)
		default:
			rule.types[canonical(entry)] = true
		}
	}
	if anyType {
		return nil, nil //nolint:nilnil // no rule
	}
	rule.lookUpKnown()
	return rule, nil
}

// lookUpKnown notes what the rule says of all that is known, once for all files.
func (t *typeRule) lookUpKnown() {
	for known := range knownTypes {
		if t.covers(known) {
			t.types[known] = true
		}
	}
	for extension, types := range extensionTypes {
		t.known[extension] = t.extensions[extension] || slices.ContainsFunc(types, t.matches)
	}
}

// matches reports whether an entry names a type, or an alias of it.
func (t *typeRule) matches(mediaType string) bool { return t.types[mediaType] || t.covers(mediaType) }

// twins are types that are registered, or were, under application/ as well.
var twins = []string{"text/xml", "text/javascript", "text/rtf"}

// covers reports whether a wildcard covers a type.
func (t *typeRule) covers(mediaType string) bool {
	if mediaType == octetStream {
		return false // it is not known to be of that kind
	}
	major, _, _ := strings.Cut(mediaType, "/")
	return t.majors[major] || t.majors["application"] && slices.Contains(twins, mediaType)
}

// allowsExtension judges the extension of a file name, given the declared types.
func (t *typeRule) allowsExtension(extension string, declared []string) bool {
	return t.known[extension] || t.extensions[extension] ||
		slices.ContainsFunc(rarerTypes[extension], func(own string) bool { return slices.Contains(declared, own) && t.matches(own) })
}

// allowsDeclared judges a declared type, given the extensions of the file, which are allowed.
func (t *typeRule) allowsDeclared(mediaType string, extensions []string) bool {
	return t.matches(mediaType) || t.own[mediaType] || slices.ContainsFunc(extensions, func(extension string) bool {
		return slices.Contains(declaredTypes[extension], mediaType) || isVague(mediaType) &&
			slices.ContainsFunc(extensionTypes[extension], func(own string) bool {
				return (t.extensions[extension] || t.matches(own)) && isGeneral(mediaType, own)
			})
	})
}

// isVague reports whether a client that declares a general type knows no better, as with
// application/zip for a document. One that declares video/mp4 does not mean audio.
func isVague(mediaType string) bool {
	return strings.HasPrefix(mediaType, "text/") || strings.HasPrefix(mediaType, "application/")
}

// judgeClaims judges what a file says that it is. It returns the first claim that is not
// allowed, or "".
func (t *typeRule) judgeClaims(c *claims) string {
	// What is uncertain may be anything.
	if c.doubt != "" {
		return c.doubt
	}
	for _, extension := range c.extensions {
		if !t.allowsExtension(extension, c.types) {
			return "extension ." + extension
		}
	}
	for _, mediaType := range c.types {
		if !t.allowsDeclared(mediaType, c.extensions) {
			return "declared type " + mediaType
		}
	}
	return ""
}

// claimed yields the allowed types that a file claims to be, canonical. It reports whether
// yield accepted one. A type that is only commonly declared for the file's extension is not
// among them: a csv that is declared as Excel is no Excel file.
func (t *typeRule) claimed(c *claims, yield func(string) bool) bool {
	for _, mediaType := range c.types {
		if (t.matches(mediaType) || t.own[mediaType]) && yield(mediaType) {
			return true
		}
	}
	for _, extension := range c.extensions {
		for _, own := range extensionTypes[extension] {
			if (t.extensions[extension] || t.matches(own)) && yield(own) {
				return true
			}
		}
	}
	return false
}

// claimsUnknown reports whether a file claims a listed extension whose type is not known.
func (t *typeRule) claimsUnknown(c *claims) bool {
	return slices.ContainsFunc(c.extensions, func(extension string) bool {
		return t.extensions[extension] && len(extensionTypes[extension]) == 0
	})
}
