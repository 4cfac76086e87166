// SPDX-License-Identifier: Apache-2.0

package form

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// charsetParameter finds the parameter as any server could, and its RFC 8187
// form, whose value stands behind two quotes.
var charsetParameter = regexp.MustCompile(`(?i)charset\*?\s*=\s*["']?([^"';,\s]*)(?:'[^']*'([^"';,\s]*))?`)

// parseCharset returns the charset of a joined Content-Type header, if it is a
// token. It is ErrCharset if any server could take it for one that hides ASCII:
// some decode the names of fields, and those of the query too, by it.
func parseCharset(header string) (charset string, err error) {
	if indexFoldASCII(header, "charset") < 0 {
		return "", nil
	}
	for _, match := range charsetParameter.FindAllStringSubmatchIndex(header, -1) {
		name, extended, end := header[match[2]:match[3]], "", match[1]
		if match[4] >= 0 {
			extended = header[match[4]:match[5]]
		}
		if hidesASCII(name) || hidesASCII(extended) {
			return "", fmt.Errorf("%w: %q", ErrCharset, name+extended)
		}
		rest := strings.TrimLeft(header[end:], "\"' \t")
		if charset == "" && extended == "" && isToken(name) && (rest == "" || rest[0] == ';' || rest[0] == ',') {
			charset = name
		}
	}
	return charset, nil
}

// What the names of charsets are known by in which bytes of ASCII letters are
// other text, or other bytes ASCII letters: in lower case, letters and digits
// alone. Some are encodings that libraries take for charsets.
var (
	hidingWords    = []string{"utf7", "utf16", "utf32", "iso10646", "iso2022", "ebcdic", "base64"}
	hidingPrefixes = []string{"unicode", "ucs2", "ucs4", "hzgb", "scsu", "bocu", "jisauto", "html", "quotedprintable", "imap", "compoundtext"}
	hidingNames    = []string{
		"hz", "jis", "jis7", "jisms", "jisencoding", "koi7", "u7", "u16", "u32", "utf1", "utf5", "utf6", "utf9", "utf18",
		"punycode", "idna", "rawunicodeescape", "rot13", "uu", "uuencode", "quopri", "hex", "zlib", "bz2",
	}
	// codePages are IBM's of EBCDIC, and Microsoft's, with those of ISO 2022 and
	// UTF.
	codePages = strings.Fields("37 256 259 273 274 275 277 278 280 281 284 285 286 290 297 410 420 421 423 424 425 500 803 833 834 835 836 837 838 870 871 875 880 " +
		"905 918 924 930 931 933 935 937 939 1002 1003 1005 1025 1026 1027 1047 1069 1070 1079 1097 1112 1113 1122 1123 1130 1132 1136 1137 " +
		"1140 1141 1142 1143 1144 1145 1146 1147 1148 1149 1150 1151 1152 1153 1154 1155 1156 1157 1158 1159 1160 1164 1165 1166 " +
		"1278 1364 1371 1388 1390 1399 12712 16684 16804 " +
		"1200 1201 12000 12001 20273 20277 20278 20280 20284 20285 20290 20297 20420 20423 20424 20833 20838 20871 20880 20905 20924 21025 21027 " +
		"50220 50221 50222 50225 50227 50229 50930 50931 50933 50935 50936 50937 50939 52936 65000")
	codePagePrefix = regexp.MustCompile(`^(?:x|cs|ibm|cp|ccsid|windows)*0*`)
)

// hidesASCII reports whether names in ASCII may not be what they seem in a
// charset. It is a list of those that hide, not of those that do not: of the
// latter there are hundreds, and clients write words that are none.
func hidesASCII(charset string) bool {
	name := string(appendLetters(nil, []byte(charset)))
	if strings.Contains(name, "utf8") {
		return false // also unicode-1-1-utf-8
	}
	hasWord := func(word string) bool { return strings.Contains(name, word) }
	hasPrefix := func(prefix string) bool {
		return strings.HasPrefix(strings.TrimPrefix(strings.TrimPrefix(name, "x"), "cs"), prefix)
	}
	return slices.ContainsFunc(hidingWords, hasWord) ||
		slices.ContainsFunc(hidingPrefixes, hasPrefix) ||
		slices.Contains(hidingNames, strings.TrimPrefix(name, "x")) ||
		slices.Contains(codePages, strings.TrimRight(codePagePrefix.ReplaceAllString(name, ""), "abcdefghijklmnopqrstuvwxyz"))
}
