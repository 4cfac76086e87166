// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// formRoom is how much longer than its files a form may be before its declared length alone
// refuses it, in bytes. Delimiters, headers and fields need room that no rule limits.
const formRoom = 1 << 20

// judgeLength judges the declared length of a form.
func (r *Rules) judgeLength(length int64) error {
	if r.maxFileSize == 0 || r.maxFiles == 0 {
		return nil
	}
	// Divided and not multiplied, which may overflow.
	if files := length - formRoom; files > 0 && (files-1)/int64(r.maxFiles) >= r.maxFileSize {
		return refuse(uploadapi.ErrFileTooLarge, "max_file_size, max_files: the length of the form is %d", length)
	}
	return nil
}

// judgeSize judges the declared size of a file.
func (r *Rules) judgeSize(value string) error {
	if r.maxFileSize == 0 {
		return nil
	}
	if size, known := parseSize(value); !known || size > r.maxFileSize {
		return refuse(uploadapi.ErrMultipartTooLarge, "max_file_size: the size is %s", quote(value))
	}
	return nil
}

// parseSize returns the largest size that some server could read in a value. known is
// false if that is uncertain, as of 0x7fffffff, 5e9, 5_000 or digits beyond ASCII. What
// no server takes for a number is 0: the service refuses it.
func parseSize(value string) (size int64, known bool) {
	value = strings.Trim(value, " \t\r\n\v\f")
	// Some servers read a number with a leading zero as octal, in which it is smaller.
	digits := strings.TrimLeft(strings.TrimPrefix(value, "+"), "0")
	size, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case err == nil && digits[0] >= '1' && digits[0] <= '9':
		return size, true
	case digits == "" && value != "" && value != "+":
		return 0, true // zeros alone
	}
	// Digits of any script: Python's int reads them. `Infinity` and `inf` are numbers to float.
	isNumber := strings.ContainsFunc(value, unicode.IsNumber) || strings.Contains(asciiLower(value), "inf")
	return 0, !isNumber
}
