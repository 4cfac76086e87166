// SPDX-License-Identifier: Apache-2.0

package source

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSecretSize is the length of the longest secret key, in bytes. Uploadcare's have 20; what is
// much longer is a certificate, say, or a whole .env file.
const maxSecretSize = 512

// assignment matches a line of a shell's or a .env file. A key has no equals sign: they
// are hexadecimal.
var assignment = regexp.MustCompile(`^(export[ \t]+)?[A-Za-z_][A-Za-z0-9_]*[ \t]*=`)

// drivePath matches the beginning of a path on Windows.
var drivePath = regexp.MustCompile(`^[A-Za-z]:[\\/]`)

// cleanSecret returns a secret key without blanks and line ends around it, which editors and
// `echo` leave in files. What it refuses would load, and have every upload rejected. Its
// errors say what the text looks like, and never quote it.
func cleanSecret(text string) (string, error) {
	const mark = "\ufeff"
	if strings.HasPrefix(text, mark) {
		return "", errors.New("it begins with a byte order mark: save the file as UTF-8 without one")
	}
	key := strings.TrimSpace(text)
	switch {
	case key == "" && text != "":
		return "", errors.New("it is nothing but blanks")
	case strings.ContainsRune(key, 0) || !utf8.ValidString(key):
		return "", errors.New("it is not UTF-8 text, but perhaps UTF-16: save the file as UTF-8")
	case len(key) > maxSecretSize:
		return "", fmt.Errorf("it has %d bytes, and is no key: a file with the key alone is expected", len(key))
	case assignment.MatchString(key):
		return "", errors.New("it looks like NAME=value: write the value alone, or read the variable with {env.NAME}")
	case strings.ContainsAny(key, "\r\n"):
		return "", errors.New("it has several lines: a key has one, and further keys are further arguments")
	case isQuoted(key):
		return "", errors.New("it is in quotes, which would be part of it: leave them out")
	case strings.HasPrefix(key, "{") || strings.HasSuffix(key, "}"):
		return "", errors.New("it looks like a placeholder that is not closed, or not opened: write {env.NAME} or {file./path}")
	case strings.HasPrefix(key, "/") || strings.HasPrefix(key, "./") || strings.HasPrefix(key, "~/") || drivePath.MatchString(key):
		return "", errors.New("it looks like a path: to read the key from a file, write {file./path}")
	case strings.ContainsFunc(key, unicode.IsControl):
		return "", errors.New("it has a control character in it, which no key has")
	}
	return key, nil
}

// isQuoted reports whether a text begins and ends with the same quote.
func isQuoted(text string) bool {
	const shortest = 2
	return len(text) >= shortest && strings.ContainsRune("\"'`", rune(text[0])) && text[len(text)-1] == text[0]
}
