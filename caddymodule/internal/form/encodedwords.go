// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io"
	"mime"
	"regexp"
	"slices"
	"strings"
)

// maxEncodedWords is how many encoded words (RFC 2047) of a form are decoded: few clients
// write any, and a file name of theirs takes less than ten.
const maxEncodedWords = 1024

// hasTooManyWords reports whether a form has more words than are decoded, with those of
// a text that servers may decode. Each costs as much as kilobytes of a file.
func (e *Editor) hasTooManyWords(text []byte) bool {
	if count := bytes.Count(text, encodedWord); count > 0 { // also where base64 is padded, so that ends are counted, too
		e.words += min(count, bytes.Count(text, encodedWordEnd))
	}
	return e.words > maxEncodedWords
}

// decodeWords decodes RFC 2047's encoded words, wherever they stand: some servers do so
// with names of fields, as mail software does. Commons FileUpload and Python skip what is
// no letter of base64, and differ in whether padding ends it.
func decodeWords(text []byte, paddingEnds bool) []byte {
	text = betweenWords.ReplaceAll(text, []byte("?==?")) // RFC 2047, section 6.2
	return encodedWords.ReplaceAllFunc(text, func(word []byte) []byte {
		text := string(word)
		if rest, ok := strings.CutPrefix(text, "=??"); ok { // without a charset
			text = "=?utf-8?" + rest
		}
		decoded, err := wordDecoder.Decode(text)
		if err != nil {
			match := encodedWords.FindSubmatch(word)
			decoded = string(decodeWord(match[2][0], match[3], paddingEnds))
		}
		decoded = shiftToASCII.ReplaceAllString(decoded, "")
		return bytes.ReplaceAll([]byte(decoded), []byte{0}, nil) // every other byte of ASCII in UTF-16
	})
}

// decodeWord decodes the text of an encoded word that strict decoders refuse.
func decodeWord(encoding byte, text []byte, paddingEnds bool) []byte {
	if lower(encoding) == 'q' {
		return quotedByte.ReplaceAllFunc(bytes.ReplaceAll(text, []byte("_"), []byte(" ")), func(escape []byte) []byte {
			c, _ := hex.DecodeString(string(escape[1:])) // of such digits, any text is valid
			return c
		})
	}
	letters := make([]byte, 0, len(text))
	for _, c := range text {
		if isAlphanumeric(c) || c == '+' || c == '/' {
			letters = append(letters, c)
		} else if c == '=' && paddingEnds {
			break
		}
	}
	if len(letters)%4 == 1 { // six bits are no byte
		letters = letters[:len(letters)-1]
	}
	decoded, _ := base64.RawStdEncoding.AppendDecode(nil, letters) // of such letters, any text is valid
	return decoded
}

// hidesInWords reports whether a name has an encoded word in a charset in which ASCII is
// not what it seems, but for those that decodeWords decodes.
func hidesInWords(name []byte) bool {
	return bytes.Contains(name, encodedWord) && slices.ContainsFunc(encodedWords.FindAllSubmatch(name, -1), func(word [][]byte) bool {
		return hidesASCII(string(word[1])) && !decodedCharset.Match(word[1])
	})
}

var (
	encodedWord = []byte("=?") // RFC 2047
	// encodedWordEnd is what such a word ends with.
	encodedWordEnd = []byte("?=")
	encodedWords   = regexp.MustCompile(`(?s)=\?([^?]*)\?([bBqQ])\?(.*?)\?=`)
	quotedByte     = regexp.MustCompile(`=[0-9a-fA-F]{2}`)
	// shiftToASCII matches what begins a set of characters of ISO 2022.
	shiftToASCII = regexp.MustCompile(`\x1b[ -/]+[0-~]`)
	// decodedCharset matches charsets in which ASCII is itself among NULs or between shifts.
	decodedCharset = regexp.MustCompile(`(?i)^(?:utf-?(?:16|32)|ucs-?[24]|iso-?2022)`)
	betweenWords   = regexp.MustCompile(`\?=\s+=\?`)
	// wordDecoder leaves text of a charset that it does not know as it is: ASCII is the
	// same in nearly all.
	wordDecoder = mime.WordDecoder{CharsetReader: func(_ string, text io.Reader) (io.Reader, error) { return text, nil }}
)
