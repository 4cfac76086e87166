// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
)

// slicing is how the client's body comes in, and how much the next handler asks
// for.
type slicing struct {
	name    string
	size    func() int
	reading func() int
}

var wholeSlicing = slicing{"whole", func() int { return 1 << 30 }, func() int { return 32 << 10 }}

// slicings are all ways in which a body of some size is fed.
func slicings(size int, random *rand.Rand) []slicing {
	list := []slicing{wholeSlicing}
	if size <= 8<<10 {
		list = append(list, slicing{"byte by byte", func() int { return 1 }, func() int { return 1 + random.IntN(700) }})
	}
	for range 2 {
		largest := 2 + random.IntN(max(2, min(size, 4<<10)))
		list = append(list, slicing{
			fmt.Sprintf("up to %d bytes", largest),
			func() int { return 1 + random.IntN(largest) }, func() int { return 1 + random.IntN(2048) },
		})
	}
	return list
}

// slicedReader returns a body in slices.
type slicedReader struct {
	rest []byte
	size func() int
}

func (s *slicedReader) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.rest[:min(len(s.rest), s.size())])
	s.rest = s.rest[n:]
	return n, nil
}

// readSliced is io.ReadAll with buffers of all sizes.
func readSliced(body io.Reader, size func() int) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	var read bytes.Buffer
	for {
		buffer := make([]byte, size())
		n, err := body.Read(buffer)
		read.Write(buffer[:n])
		if errors.Is(err, io.EOF) {
			return read.Bytes(), nil
		}
		if err != nil {
			return nil, err
		}
	}
}
