// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestContentTypeIsReadLenientlyAndWrittenAnew(t *testing.T) {
	longest := strings.Repeat("b", MaxBoundaryLength)
	const multipart = "multipart/form-data; boundary="
	tests := map[string]struct {
		in   string
		want string // empty if it is as it came
	}{
		"curl":                       {multipart + "------------------------d74496d66958873e", ""},
		"a browser":                  {multipart + "----WebKitFormBoundaryAbC123", ""},
		"dart":                       {multipart + "dart-http-boundary-a+b_c-d.e", ""},
		"an exclamation mark":        {multipart + "a!", multipart + `"a!"`},
		"a blank before the quote":   {multipart + `"a "`, multipart + "a"},
		"an apostrophe":              {multipart + "a'b", ""},
		"mechanize":                  {multipart + strings.Repeat("-", 29) + strings.Repeat("5", 55), ""},
		"the longest":                {multipart + longest, ""},
		"needless quotes":            {`multipart/form-data; boundary="8dc0ffee"`, multipart + "8dc0ffee"},
		"needful quotes":             {multipart + `"a b"`, ""},
		"asterisks":                  {multipart + "*****", multipart + `"*****"`},
		"equals signs":               {multipart + "===1700000000000===", multipart + `"===1700000000000==="`},
		"a dollar sign":              {multipart + "----------ThIs_Is_tHe_bouNdaRY_$", multipart + `"----------ThIs_Is_tHe_bouNdaRY_$"`},
		"an ampersand":               {multipart + "a&b", multipart + `"a&b"`},
		"a slash":                    {multipart + "bnd/1", multipart + `"bnd/1"`},
		"a colon":                    {multipart + "gc0p:08jU", multipart + `"gc0p:08jU"`},
		"hash, percent, braces":      {multipart + "#%{}|~^`", multipart + "\"#%{}|~^`\""},
		"quoted, with equals signs":  {multipart + `"boundary_.oOo._MTgz==MTc3NA=="`, ""},
		"the word within":            {multipart + "boundary_x=1", multipart + `"boundary_x=1"`},
		"quoted comma":               {multipart + `"a,b"`, ""},
		"quoted semicolon":           {multipart + `"a;b"`, ""},
		"odd case":                   {"Multipart/Form-Data; Boundary=aB", multipart + "aB"},
		"capitals":                   {"MULTIPART/FORM-DATA; BOUNDARY=AaB03x", multipart + "AaB03x"},
		"no blank":                   {"multipart/form-data;boundary=b", multipart + "b"},
		"blanks and tabs":            {"multipart/form-data ;\t boundary = b ; ", multipart + "b"},
		"empty parameters":           {"multipart/form-data;; boundary=b;", multipart + "b"},
		"no semicolon":               {"multipart/form-data boundary=b", multipart + "b"},
		"a comma before it":          {"multipart/form-data, boundary=AaB03x", multipart + "AaB03x"},
		"a comma first":              {", multipart/form-data; boundary=b", multipart + "b"},
		"another parameter":          {`multipart/form-data; boundary=b; type="text/xml"`, multipart + "b"},
		"another parameter first":    {"multipart/form-data; type=x; boundary=b", multipart + "b"},
		"a parameter without a sign": {"multipart/form-data; utf-8; boundary=b", multipart + "b"},
		"the same twice":             {"multipart/form-data; boundary=a; boundary=a", multipart + "a"},
		"the same, quoted":           {`multipart/form-data; boundary=a; boundary="a"`, multipart + "a"},
		"single quotes":              {multipart + "'a'", ""},
		"an unfinished quote":        {multipart + `"a`, multipart + "a"},
		"a quote behind":             {multipart + `a"`, multipart + "a"},
		"more after the quote":       {multipart + `"a"b`, multipart + "a"},
		"an escape":                  {multipart + `"a\/b"`, multipart + `"a/b"`},
		"extended beside":            {"multipart/form-data; boundary=a; boundary*=utf-8''b", multipart + "a"},
		"charset before":             {"multipart/form-data; charset=utf-8; boundary=b", multipart + "b; charset=utf-8"},
		"charset after":              {`multipart/form-data;boundary=b;charset="UTF-8"`, multipart + "b; charset=UTF-8"},
		"an empty charset":           {"multipart/form-data; charset=; boundary=b", multipart + "b"},
		"a charset of two words":     {`multipart/form-data; charset="utf 8"; boundary=b`, multipart + "b"},
		"a boundary like one":        {"multipart/form-data; charset=utf-8; boundary=charset=u", multipart + `"charset=u"; charset=utf-8`},
		"such a boundary alone":      {`multipart/form-data; boundary="charset=u"`, ""},
		"an unknown charset":         {"multipart/form-data; charset=utf8mb4; boundary=b", multipart + "b; charset=utf8mb4"},
		"urlencoded":                 {MediaURLEncoded, ""},
		"urlencoded with a charset":  {MediaURLEncoded + "; charset=UTF-8", ""},
		"urlencoded, no charset":     {MediaURLEncoded + "; charset=", MediaURLEncoded},
		"urlencoded, odd parameter":  {MediaURLEncoded + "; utf-8", MediaURLEncoded},
		"urlencoded, a semicolon":    {MediaURLEncoded + ";", MediaURLEncoded},
		"urlencoded, odd case":       {"application/X-WWW-Form-URLEncoded;charset=utf-8", MediaURLEncoded + "; charset=utf-8"},
		"urlencoded, joined":         {MediaURLEncoded + ", " + MediaURLEncoded + "; charset=UTF-8", MediaURLEncoded + "; charset=UTF-8"},
		"no type":                    {"; charset=utf-8", ""},
		"JSON":                       {"application/json", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			contentType, err := ParseContentType([]string{test.in})
			if err != nil {
				t.Fatal(err)
			}
			if !contentType.Settled() {
				contentType.Settle(nil, true)
			}
			want := test.want
			if want == "" {
				want = test.in
			}
			if got := contentType.String(); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if got := contentType.IsWritten([]string{test.in}); got != (test.want == "") {
				t.Errorf("as it is to be written: %v", got)
			}
		})
	}
}

func TestContentTypeOfSeveralHeaders(t *testing.T) {
	const multipart = "multipart/form-data; boundary="
	for name, values := range map[string][]string{
		"twice":                     {multipart + "a", multipart + "a"},
		"joined":                    {multipart + "a, " + multipart + "a"},
		"with another type":         {"text/plain", multipart + "a"},
		"joined with another":       {MediaURLEncoded + "; charset=UTF-8, " + multipart + "a"},
		"one without a boundary":    {"multipart/form-data", multipart + "a"},
		"one with quotes":           {multipart + "a", multipart + `"a"`},
		"an empty one":              {"", multipart + "a"},
		"a default of the library":  {"application/octet-stream, " + multipart + "a"},
		"odd case, and a semicolon": {"Multipart/Form-Data;", multipart + "a;"},
	} {
		t.Run(name, func(t *testing.T) {
			contentType, err := ParseContentType(values)
			if err != nil {
				t.Fatal(err)
			}
			if !contentType.Settled() {
				contentType.Settle([]byte("--a\r\n"), false)
			}
			if contentType.Boundary() != "a" || contentType.Media != MediaMultipart {
				t.Errorf("got %+v", contentType)
			}
		})
	}
}

func TestBodySettlesWhichOfSeveralBoundariesIsItsOwn(t *testing.T) {
	const multipart = "multipart/form-data; boundary="
	tests := map[string]struct{ contentType, body, want string }{
		"two, the first":             {multipart + "a; boundary=b", "--a\r\nX", "a"},
		"two, the second":            {multipart + "a; boundary=b", "--b\r\nX", "b"},
		"two headers":                {multipart + "a, " + multipart + "b", "--b\r\nX", "b"},
		"a comma within":             {multipart + "a,b", "--a,b\r\nX", "a,b"},
		"cut at a comma":             {multipart + "a,b", "--a\r\nX", "a"},
		"blanks within":              {multipart + "a b c", "--a b c\r\nX", "a b c"},
		"cut at a blank":             {multipart + "a b c", "--a\r\nX", "a"},
		"joined":                     {multipart + "a, multipart/form-data", "--a\r\nX", "a"},
		"a semicolon within":         {multipart + "a;b", "--a;b\r\nX", "a;b"},
		"and another parameter":      {multipart + "a;b;c; charset=x", "--a;b;c\r\nX", "a;b;c"},
		"a blank first, quoted":      {multipart + `" a"`, "-- a\r\nX", " a"},
		"a blank first, not meant":   {multipart + `" a"`, "--a\r\nX", "a"},
		"the word within":            {multipart + "xboundary=y", "--xboundary=y\r\nX", "xboundary=y"},
		"hidden in another one":      {`multipart/form-data; x="; boundary=a;"; boundary=b`, "--b\r\nX", "b"},
		"behind a preamble":          {multipart + "a; boundary=b", "hello\r\n--b\r\nX", "b"},
		"an empty form":              {multipart + "a; boundary=b", "--b--", "b"},
		"the longer of two":          {multipart + "a; boundary=a--", "--a--\r\nX", "a--"},
		"the longer, at the end":     {multipart + "a; boundary=a--", "--a--", "a--"},
		"mentioned within a line":    {multipart + "a; boundary=b", "--b --a\r\n--a\r\nX", "a"},
		"none of them":               {multipart + "a; boundary=b", "--c\r\nX", "a"},
		"nothing":                    {multipart + "a; boundary=b", "", "a"},
		"cut off, without its end":   {multipart + "a; boundary=b", "--b", "b"},
		"cut off, with line feeds":   {multipart + "a; boundary=b", "--b\n\r\n\r\n", "b"},
		"a form of another encoding": {multipart + "a,b", "x=y", "a,b"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			contentType, err := ParseContentType([]string{test.contentType})
			if err != nil {
				t.Fatal(err)
			}
			if contentType.Settled() {
				t.Fatal("the body is not asked")
			}
			for length := range len(test.body) {
				if contentType.Settle([]byte(test.body[:length]), false) {
					break
				}
			}
			if !contentType.Settled() {
				contentType.Settle([]byte(test.body), true)
			}
			if !contentType.Settled() || contentType.Boundary() != test.want {
				t.Errorf("got %q, want %q", contentType.Boundary(), test.want)
			}
		})
	}
}

func TestBodyThatIsNoFormSettlesNothingForEver(t *testing.T) {
	contentType, err := ParseContentType([]string{"multipart/form-data; boundary=a; boundary=b"})
	if err != nil {
		t.Fatal(err)
	}
	if contentType.Settle(bytes.Repeat([]byte("x"), MaxPreambleSize), false) {
		t.Error("settled too early")
	}
	if !contentType.Settle(bytes.Repeat([]byte("x"), 2*MaxPreambleSize), false) {
		t.Error("not settled")
	}
}

func TestContentTypeThatCannotBeRead(t *testing.T) {
	tests := map[string]struct {
		contentType string
		want        error
	}{
		"no boundary":           {"multipart/form-data", ErrNoBoundary},
		"another parameter":     {"multipart/form-data; boundaries=b", ErrNoBoundary},
		"no equals sign":        {"multipart/form-data; boundary", ErrNoBoundary},
		"continued":             {"multipart/form-data; boundary*0=a; boundary*1=b", ErrNoBoundary},
		"extended":              {"multipart/form-data; boundary*=utf-8''b", ErrNoBoundary},
		"empty":                 {"multipart/form-data; boundary=", ErrInvalidBoundary},
		"empty, quoted":         {`multipart/form-data; boundary=""`, ErrInvalidBoundary},
		"only blanks":           {`multipart/form-data; boundary="  "`, ErrInvalidBoundary},
		"too long":              {"multipart/form-data; boundary=" + strings.Repeat("b", MaxBoundaryLength+1), ErrInvalidBoundary},
		"not ASCII":             {"multipart/form-data; boundary=ü", ErrInvalidBoundary},
		"a control character":   {"multipart/form-data; boundary=\"a\x01b\"", ErrInvalidBoundary},
		"a quote within":        {`multipart/form-data; boundary=a"b`, ErrInvalidBoundary},
		"an escaped quote":      {`multipart/form-data; boundary=a\"b\"`, ErrInvalidBoundary},
		"utf-7":                 {"multipart/form-data; charset=utf-7; boundary=b", ErrCharset},
		"utf-16, urlencoded":    {MediaURLEncoded + "; charset=UTF-16LE", ErrCharset},
		"of two, the second":    {"application/json; charset=utf-8; charset=utf-7", ErrCharset},
		"of two headers":        {"text/plain; charset=utf-8, text/plain; charset=\"ibm500\"", ErrCharset},
		"extended charset":      {"a/b; charset*=utf-8''utf-7", ErrCharset},
		"extended, encoded":     {"a/b; charset*=us-ascii''utf%2D7", ErrCharset},
		"extended, a language":  {"a/b; charset*=us-ascii'en'utf%2D7", ErrCharset},
		"single quotes":         {"a/b; charset='utf-16'", ErrCharset},
		"blanks, and a comment": {"a/b; Charset = hz-gb-2312 (x)", ErrCharset},
	}
	for name, test := range tests {
		if _, err := ParseContentType([]string{test.contentType}); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
	if contentType, err := ParseContentType(nil); err != nil || contentType.Media != "" {
		t.Errorf("no header: %+v, %v", contentType, err)
	}
}

func TestCharsetsThatHideASCII(t *testing.T) {
	for charset := range strings.FieldsSeq(`utf-7 UTF7 utf_7 u7 unicode-1-1-utf-7 csUnicode11UTF7 x-imap4-modified-utf7 utf-16 UTF-16LE utf_16_be utf16 U16 unicode
		unicodeFFFE utf-32 utf_32_le ucs-2 UCS4 ISO-10646-UCS-2 csUCS4 iso-2022-jp ISO2022-KR iso2022_jp_2 csISO2022JP iso-2022-cn-ext x-windows-iso2022jp JIS
		hz hz-gb-2312 hzgb ebcdic-cp-us csEBCDICATDE csIBM500 utf-ebcdic IBM037 cp037 037 ibm-1047 cp500 500 IBM01140 x-ibm930 cp875 CCSID00924 SCSU BOCU-1
		unicode_escape raw_unicode_escape punycode idna rot13 base64 quoted-printable windows-50220
		x-windows-50221 JISAutoDetect x-JISAutoDetect JIS-ms jis7 x-JIS7 cp65000 windows-65000 cp1200 cp1201 cp12000 cp20273 x-cp50227 cp50930 cp52936 koi-7
		x-imap-mailbox-name x-compound_text posix-bc CP038 IBM-4971 ISO_5427 ISO_5427-EXT INIS-8 INIS-cyrillic GREEK7-OLD GREEK-CCITT LATIN-GREEK-1 ISO_2033-1983
		ASMO_449 ARABIC7 ISO_9036 ISO-IR-37 ISO-IR-150 CSISO150 E13B BRF ISO/TR_11548-1/ OSF10020025 WCHAR_T 10646-1:1993 500V1 hex_codec
		mac_arabic x-mac-arabic MacFarsi x-MacHebrew cp10004 gsm0338 MacSymbol AdobeZdingbat jis0208-raw iso-ir-165`) {
		if !hidesASCII(charset) {
			t.Errorf("%s does not", charset)
		}
	}
	for charset := range strings.FieldsSeq(`utf-8 utf8 UTF-8-MAC utf8mb4 us-ascii ANSI_X3.4-1968 iso-8859-1 ISO8859-15 iso8859_1 latin1 windows-1252 cp1252 windows-31j
		MS932 cp932 Shift-JIS SJIS euc-jp euc-kr EUC-TW big5 big5-hkscs gb2312 gbk gb18030 koi8-r KOI8-U TIS-620 windows-874 ibm850 cp437 IBM866 cp1251 macintosh
		x-mac-roman x-mac-cyrillic x-MacUkraine mac_greek x-user-defined binary 8bit none null default johab VISCII ibm1252 unicode-1-1-utf-8 windows-1250 x-windows-949 windows-51932`) {
		if hidesASCII(charset) {
			t.Errorf("%s does", charset)
		}
	}
	if hidesASCII("") {
		t.Error("no charset does")
	}
}

func TestCharsetsOtherThanUTF8(t *testing.T) {
	for header, want := range map[string]bool{
		"multipart/form-data; boundary=b":                      false,
		"multipart/form-data; boundary=b; charset=utf-8":       false,
		"multipart/form-data; boundary=b; charset=\"UTF8\"":    false,
		"multipart/form-data; boundary=b; charset=":            false,
		"multipart/form-data; boundary=\"charset=latin-1\"":    false,
		"multipart/form-data; boundary=b; charset=latin-1":     true,
		"multipart/form-data; boundary=b; charset=utf_8":       true,
		"multipart/form-data; boundary=b; charset=utf-8-sig":   true,
		"multipart/form-data; boundary=b; charset='us-ascii'":  true,
		"multipart/form-data; charset=gbk":                     true, // without a boundary
		MediaURLEncoded + "; Charset = \"GBK\"":                true,
		MediaURLEncoded + "; charset=utf-8; charset=gbk":       true,
		MediaURLEncoded + "; charset*=utf-8''utf%2D8":          false,
		MediaURLEncoded + "; charset*=utf-8''latin%2D1":        true,
		"application/json; charset=windows-1252":               true,
		"application/json, text/plain; charset=shift_jisx0213": true,
	} {
		if got, _ := ParseContentType([]string{header}); got.Foreign != want {
			t.Errorf("%s: got %v", header, got.Foreign)
		}
	}
}

func TestValuesThatAreTheSameInAllCharsets(t *testing.T) {
	for value, want := range map[string]bool{"": true, "Anna <anna@example.com> [1] {2} #3 $4": true, "zoë": false, `a\b`: false, "~": false, "\xff": false} {
		if got := IsPlain(value); got != want {
			t.Errorf("%q: got %v", value, got)
		}
	}
}

func TestContentCodings(t *testing.T) {
	for value, want := range map[string]bool{
		"gzip": true, "GZip": true, "x-gzip": true, "deflate, gzip": true, "identity, br": true, "zstd": true, "compress": true, `"gzip"`: true, "'gzip'": true, "\tgzip": true, "gzip;q=1": true,
		"aws-chunked": true, "dcb": true,
		"": false, "identity": false, "UTF-8": false, "binary": false, "none": false, "multipart/form-data": false, "8bit": false, "base64": false, "null": false,
		"gzipped-not": false,
	} {
		if got := IsCoded([]string{value}); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
	if IsCoded(nil) || !IsCoded([]string{"none", "gzip"}) {
		t.Error("several headers are not looked at alike")
	}
}
