// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
)

const (
	// Like curl's, with 24 dashes.
	boundary       = "------------------------benchmark0boundary"
	publicKey      = "demopublickey"
	staleSignature = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	staleExpire    = "1000000000"
	closing        = "\r\n--" + boundary + "--\r\n"
)

// block is the content of files, repeated: random, so that neither compression nor the search
// for delimiters is easier than with a picture. It begins as the JPEG that the form declares:
// a gateway that looks at a file's first bytes would refuse anything else.
var block = func() []byte {
	// The same in each process and run, so that checksums and figures can be compared.
	random, b := rand.NewChaCha8([32]byte{}), make([]byte, 1<<20)
	_, _ = random.Read(b)
	copy(b, "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00")
	return b
}()

// form is an upload as old clients send it: with an expired credential, and the fields before
// the file.
type form struct {
	before string // all that precedes the file
	size   int64  // of the file, in bytes
}

// newForm returns a form with a file of size bytes.
func newForm(size int64) form {
	var before strings.Builder
	for _, field := range [][2]string{
		{"UPLOADCARE_PUB_KEY", publicKey}, {"signature", staleSignature}, {"expire", staleExpire}, {"UPLOADCARE_STORE", "auto"},
	} {
		fmt.Fprintf(&before, "--%s\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", boundary, field[0], field[1])
	}
	fmt.Fprintf(&before, "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"photo.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n", boundary)
	return form{before.String(), size}
}

// length is the length of the form in bytes.
func (f form) length() int64 { return int64(len(f.before)) + f.size + int64(len(closing)) }

// head returns the head of the request over HTTP/1.1.
func (f form) head(address string, verify bool) string {
	extra := ""
	if verify {
		extra = verifyHeader + ": 1\r\n"
	}
	return fmt.Sprintf("POST /base/ HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nAccept: */*\r\nContent-Type: %s\r\nContent-Length: %d\r\n%s\r\n",
		address, userAgent, f.contentType(), f.length(), extra)
}

// contentType is the Content-Type of the request.
func (form) contentType() string { return "multipart/form-data; boundary=" + boundary }

// small reports whether the form is sent in one write.
func (f form) small() bool { return f.size <= int64(len(block)) }

// pieces yields beginning and the form, in large pieces.
func (f form) pieces(beginning string) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		first := append([]byte(beginning), f.before...)
		left := f.size
		if f.small() { // all at once
			yield(append(append(first, block[:left]...), closing...))
			return
		}
		if !yield(first) {
			return
		}
		for left > 0 {
			n := min(left, 256<<10)
			offset := (f.size - left) % int64(len(block))
			if !yield(block[offset : offset+n]) {
				return
			}
			left -= n
		}
		yield([]byte(closing))
	}
}

// body returns the form as a reader.
func (f form) body() io.Reader {
	return io.MultiReader(strings.NewReader(f.before), &file{left: f.size}, strings.NewReader(closing))
}

// file is a reader of the file in a form, which is never in memory as a whole.
type file struct{ read, left int64 }

// Read implements io.Reader.
func (f *file) Read(p []byte) (int, error) {
	if f.left == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(int64(len(p)), f.left)], block[f.read%int64(len(block)):])
	f.read += int64(n)
	f.left -= int64(n)
	return n, nil
}

// checksum is the CRC-32 of the file.
func (f form) checksum() uint32 {
	sum := crc32.NewIEEE()
	_, _ = io.Copy(sum, &file{left: f.size})
	return sum.Sum32()
}

// arrived formats a line of the sink's report on one part.
func arrived(name, fileName, value string) string {
	return fmt.Sprintf("%s %q %q", name, fileName, value)
}

var freshSignature = regexp.MustCompile(`^signature "" "[0-9a-f]{64}"$`)

// check compares what arrived with what was sent. A contender that signs must have added one
// fresh credential and removed the stale one, in whose place it may leave a part with a name
// of letters x. One that forces fields must have done the same with those.
func (f form) check(report string, signs, forces bool) error {
	want := []string{
		arrived("UPLOADCARE_PUB_KEY", "", publicKey),
		arrived("signature", "", staleSignature),
		arrived("expire", "", staleExpire),
		arrived("UPLOADCARE_STORE", "", "auto"),
		arrived("file", "photo.jpg", fmt.Sprintf("%d %08x", f.size, f.checksum())),
	}
	// In their order, which no contender may change.
	got := strings.Split(strings.TrimSuffix(report, "\n"), "\n")
	if signs {
		want = slices.Delete(want, 1, 3)
		fresh := map[string]int{}
		got = slices.DeleteFunc(got, func(line string) bool {
			name, _, _ := strings.Cut(line, " ")
			switch {
			case freshSignature.MatchString(line), name == "expire" && !strings.Contains(line, staleExpire):
				fresh[name]++
				return true
			}
			// A stale field that was overwritten in place.
			return strings.Trim(name, "x") == ""
		})
		if fresh["signature"] != 1 || fresh["expire"] != 1 {
			return fmt.Errorf("%d fresh signatures and %d expiries arrived:\n%s", fresh["signature"], fresh["expire"], report)
		}
	}
	if forces {
		want = slices.DeleteFunc(want, func(line string) bool { return strings.HasPrefix(line, "UPLOADCARE_STORE ") })
		for _, line := range forcedFields {
			i := slices.Index(got, line)
			if i < 0 {
				return fmt.Errorf("%s has not arrived:\n%s", line, report)
			}
			got = slices.Delete(got, i, i+1) // a second one is left, and is found below
		}
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("what arrived:\n%s\nand not:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	return nil
}
