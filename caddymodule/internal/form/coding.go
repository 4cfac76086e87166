// SPDX-License-Identifier: Apache-2.0

package form

import (
	"slices"
	"strings"
)

// codings are the content codings that change a body: those of IANA's registry (RFC
// 9110, section 16.6.1), and unregistered ones that are in use. A list of what is
// harmless would not do: clients also write charsets, and any other word, into this
// header, with a body that is not coded at all.
var codings = []string{
	"gzip", "x-gzip", "deflate", "compress", "x-compress", "br", "zstd", "dcb", "dcz", "exi", "pack200-gzip", "aes128gcm",
	"bzip", "bzip2", "x-bzip", "x-bzip2", "xz", "x-xz", "lzma", "x-lzma", "lz4", "x-lz4", "snappy", "x-snappy", "x-snappy-framed", "zlib", "x-zlib",
	"brotli", "zip", "x-zip", "x-zip-compressed", "lzo", "sdch", "xpress", "peerdist", "aws-chunked",
}

// IsCoded reports whether one of a request's Content-Encoding headers names a content
// coding. In a body that is coded, no fields can be found.
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
