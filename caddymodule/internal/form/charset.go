// SPDX-License-Identifier: Apache-2.0

package form

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// charsetParameter finds the parameter wherever some server could find it, also in the
// form of RFC 8187 (`charset*=`), whose value follows two quotes.
var charsetParameter = regexp.MustCompile(`(?i)charset\*?\s*=\s*["']?([^"';,\s]*)(?:'[^']*'([^"';,\s]*))?`)

// parseCharset returns the charset of a joined Content-Type header, if it is a token, and
// whether any server could take it for another than UTF-8.
// The error is ErrCharset if any server could take it for one that hides ASCII: some
// decode the names of fields by it, and those of the query, too. In UTF-16, say, the
// bytes of a field's name are not those that the editor searches for.
func parseCharset(header string) (charset string, foreign bool, err error) {
	if indexFoldASCII(header, "charset") < 0 {
		return "", false, nil
	}
	for _, match := range charsetParameter.FindAllStringSubmatchIndex(header, -1) {
		name, extended, end := header[match[2]:match[3]], "", match[1]
		if match[4] >= 0 {
			extended = header[match[4]:match[5]]
		}
		if hidesASCII(name) || hidesASCII(unescapeUnicode(extended)) {
			return "", false, fmt.Errorf("%w: %q", ErrCharset, name+extended)
		}
		foreign = foreign || isForeign(name) || isForeign(unescapeUnicode(extended))
		rest := strings.TrimLeft(header[end:], "\"' \t")
		if charset == "" && extended == "" && isToken(name) && (rest == "" || rest[0] == ';' || rest[0] == ',') {
			charset = name
		}
	}
	return charset, foreign, nil
}

// By these, the names of charsets are recognised in which the bytes of ASCII letters
// mean something else, or other bytes mean ASCII letters, or brackets or underscores of a
// name. They are in lower case, without punctuation. Some are not charsets but encodings
// that libraries, such as Python's codecs, accept by the same parameter.
var (
	hidingWords = []string{
		"utf7", "utf16", "utf32", "iso10646", "106461", "iso2022", "ebcdic", "base64", "posixbc", "inis", "greek7", "greekccitt", "latingreek",
		"iso150", "iso2033", "iso542", "iso9036", "115481", "asmo449", "arabic7", "wchar",
		"macarabic", "macfarsi", "machebrew", "gsm0338", "symbol", "dingbat",
	}
	hidingPrefixes = []string{"unicode", "ucs2", "ucs4", "hzgb", "scsu", "bocu", "jisauto", "html", "quotedprintable", "imap", "compoundtext", "osf"}
	hidingNames    = []string{
		"hz", "jis", "jis7", "jisms", "jisencoding", "koi7", "u7", "u16", "u32", "utf1", "utf5", "utf6", "utf9", "utf18",
		"punycode", "idna", "rawunicodeescape", "rot13", "uu", "uuencode", "quopri", "hex", "zlib", "zip", "bz2",
		"gb2312raw", "gb12345raw", "jis0208raw", "jis0212raw", "ksc5601raw", "isoir165", "asciictrl", "macukrainian",
		"uucodec", "quopricodec", "hexcodec", "zlibcodec", "bz2codec", "500v1", "brf", "e13b",
		"isoir18", "isoir19", "isoir27", "isoir37", "isoir49", "isoir50", "isoir51", "isoir54", "isoir55", "isoir88", "isoir89", "isoir98", "isoir150",
	}
	// codePages are the numbers of IBM's EBCDIC code pages, and of Microsoft's for
	// EBCDIC, ISO 2022, UTF, and Apple's Arabic and Hebrew.
	codePages = strings.Fields("37 38 39 256 259 273 274 275 277 278 280 281 282 284 285 286 290 297 410 420 421 423 424 425 500 803 833 834 835 836 837 838 870 871 875 880 " +
		"905 918 924 930 931 933 935 937 939 1002 1003 1005 1025 1026 1027 1047 1069 1070 1079 1081 1084 1097 1112 1113 1122 1123 1130 1132 1136 1137 " +
		"1140 1141 1142 1143 1144 1145 1146 1147 1148 1149 1150 1151 1152 1153 1154 1155 1156 1157 1158 1159 1160 1164 1165 1166 " +
		"1278 1364 1371 1388 1390 1399 4517 4899 4971 9030 12712 16684 16804 " +
		"1200 1201 12000 12001 20273 20277 20278 20280 20284 20285 20290 20297 20420 20423 20424 20833 20838 20871 20880 20905 20924 21025 21027 " +
		"10004 10005 50220 50221 50222 50225 50227 50229 50930 50931 50933 50935 50936 50937 50939 52936 65000")
	codePagePrefix = regexp.MustCompile(`^(?:x|cs|ibm|cp|ccsid|windows)*0*`)
)

// hidesASCII reports whether ASCII names may be something else in a charset. It goes by
// a list of the charsets that hide names, not of those that do not: there are hundreds
// of the latter, and clients also write words that are no charsets, which a list of
// harmless ones would refuse.
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
