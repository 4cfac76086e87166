// SPDX-License-Identifier: Apache-2.0

package window

import (
	"encoding/binary"

	"golang.org/x/net/http2"
)

const (
	// headerSize is the size of a frame's header (RFC 9113, section 4.1).
	headerSize = 9
	// updateSize is the payload of a WINDOW_UPDATE (section 6.9).
	updateSize = 4
	// maxIncrement is the largest that one has. The bit above it is reserved.
	maxIncrement = 1<<31 - 1
)

// header is a frame's.
type header []byte

func (h header) length() int  { return int(h[0])<<16 | int(h[1])<<8 | int(h[2]) }
func (h header) stream() int  { return int(binary.BigEndian.Uint32(h[5:]) & maxIncrement) }
func (h header) isData() bool { return http2.FrameType(h[3]) == http2.FrameData }

func (h header) isPong() bool {
	return http2.FrameType(h[3]) == http2.FramePing && http2.Flags(h[4]).Has(http2.FlagPingAck)
}

// ping is a frame that asks for a response. The server, which did not send it, ignores that.
var ping = []byte{0, 0, 8, byte(http2.FramePing), 0, 0, 0, 0, 0, 'w', 'i', 'n', 'd', 'o', 'w', 0, 0}

// isUpdate reports whether it is of an update for the whole connection.
func (h header) isUpdate() bool {
	return http2.FrameType(h[3]) == http2.FrameWindowUpdate && h.stream() == 0 && h.length() == updateSize
}

// incoming counts what a client sends, in pieces as they come.
type incoming struct {
	flow   *flow
	skip   int // what remains of the preface, or of a payload
	header [headerSize]byte
	have   int // of header
}

// scan counts one piece. DATA frames count as they begin, with their padding.
func (in *incoming) scan(p []byte) error {
	for len(p) > 0 {
		if in.skip > 0 {
			n := min(in.skip, len(p))
			in.skip -= n
			p = p[n:]
			continue
		}
		n := copy(in.header[in.have:], p)
		in.have += n
		p = p[n:]
		if in.have < headerSize {
			return nil
		}
		in.have = 0
		frame := header(in.header[:])
		in.skip = frame.length()
		if frame.isPong() {
			in.flow.pong()
		}
		if frame.isData() {
			if err := in.flow.received(frame.length()); err != nil {
				return err
			}
		}
	}
	return nil
}

// outgoing changes what a server sends, in pieces as they come.
type outgoing struct {
	flow    *flow
	skip    int    // what remains of a payload that passes
	partial []byte // a header, or an update, that has begun
	changed []byte // what pass returned last
}

// pass returns what the client gets of one piece. It may be a part of p, and is valid until
// the next call.
func (out *outgoing) pass(p []byte) []byte {
	n := out.unchanged(p)
	if n == len(p) {
		return p
	}
	out.changed = append(out.changed[:0], p[:n]...)
	for p = p[n:]; len(p) > 0; {
		if out.skip > 0 {
			n := min(out.skip, len(p))
			out.changed = append(out.changed, p[:n]...)
			out.skip -= n
			p = p[n:]
			continue
		}
		p = out.begin(p)
	}
	return out.changed
}

// unchanged passes whole frames and their payloads, up to an update or a header that is not
// complete, and returns how many bytes those are. A download need not be copied.
func (out *outgoing) unchanged(p []byte) (n int) {
	if len(out.partial) > 0 {
		return 0
	}
	for out.skip <= len(p)-n {
		n += out.skip
		out.skip = 0
		if len(p)-n < headerSize {
			return n
		}
		frame := header(p[n : n+headerSize])
		if frame.isUpdate() {
			return n
		}
		out.skip = headerSize + frame.length()
	}
	out.skip -= len(p) - n
	return len(p)
}

// begin reads the header of a frame, and all of an update for the connection. It returns
// the rest of p.
func (out *outgoing) begin(p []byte) []byte {
	need := headerSize
	if len(out.partial) >= headerSize {
		need += updateSize
	}
	n := min(need-len(out.partial), len(p))
	out.partial = append(out.partial, p[:n]...)
	if len(out.partial) < need {
		return nil
	}
	frame := header(out.partial)
	switch {
	case !frame.isUpdate():
		out.skip = frame.length()
	case need == headerSize:
		return p[n:]
	default:
		payload := out.partial[headerSize:]
		give := out.flow.update(int(binary.BigEndian.Uint32(payload) & maxIncrement))
		if give == 0 { // An update by nothing is an error of the protocol.
			out.partial = out.partial[:0]
			return p[n:]
		}
		binary.BigEndian.PutUint32(payload, uint32(give)) //nolint:gosec // at most flow.total, which was of this type
	}
	update := len(out.partial) > headerSize
	out.changed = append(out.changed, out.partial...)
	out.partial = out.partial[:0]
	// Behind the server's settings, which come first, and while the client has nothing to
	// send that its response would have to wait for.
	if update && out.flow.ping() {
		out.changed = append(out.changed, ping...)
	}
	return p[n:]
}
