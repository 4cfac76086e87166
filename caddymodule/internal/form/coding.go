// SPDX-License-Identifier: Apache-2.0

package form

import (
	"slices"
	"strings"
)

// codings are the content codings that change a body: those of IANA's registry
// (RFC 9110, section 16.6.1), and what is found beside them. Clients write
// charsets and all else into this header; such words change nothing.
var codings = []string{
	"gzip", "x-gzip", "deflate", "compress", "x-compress", "br", "zstd", "dcb", "dcz", "exi", "pack200-gzip", "aes128gcm",
	"bzip", "bzip2", "x-bzip", "x-bzip2", "xz", "x-xz", "lzma", "x-lzma", "lz4", "x-lz4", "snappy", "x-snappy", "x-snappy-framed", "zlib", "x-zlib",
	"brotli", "zip", "x-zip", "x-zip-compressed", "lzo", "sdch", "xpress", "peerdist", "aws-chunked",
}

// IsCoded reports whether one of the values of a request's Content-Encoding
// headers is a content coding.
func IsCoded(contentEncoding []string) bool {
	return slices.ContainsFunc(contentEncoding, func(value string) bool {
		for coding := range strings.SplitSeq(value, ",") {
			coding, _, _ = strings.Cut(coding, ";")
			if slices.Contains(codings, strings.ToLower(strings.Trim(coding, " \t\"'"))) {
				return true
			}
		}
		return false
	})
}
