// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"sync"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// openPart is what is known of the part that passes.
type openPart struct {
	open    bool
	file    bool  // it is judged as a file
	pending bool  // it is not a file unless it has more than spare bytes
	spare   int64 // how many bytes it may have while pending
	stale   bool  // it is a stale field, if its content is crossed out
	limited bool  // its size is limited, though it is no file to most servers
	size    int64
	types   bool   // its first bytes matter
	head    []byte // as far as they came in pieces; from heads
	sniffed bool
}

// heads are buffers for the beginnings of files. Of an upload of 20 KiB, one would be as much
// garbage as all the rest.
var heads = sync.Pool{New: func() any { return new([sniffLength]byte) }}

// Observes reports whether the judge must see the parts of the form, as its Observer.
func (j *Judge) Observes() bool {
	return j != nil && j.hasFiles() && j.any(func(r *Rules) bool { return r.maxFileSize > 0 || r.maxFiles > 0 || r.types != nil })
}

// Begin judges the header of a part.
func (j *Judge) Begin(part *form.Part) error {
	// A part that was no file may have left its buffer.
	j.part = openPart{open: true, head: j.part.head[:0]}
	if !part.File && !part.Nested && !part.Doubtful {
		return nil
	}
	j.part.types = j.any(func(r *Rules) bool { return r.types != nil })
	isDoubtful := part.Nested || part.Doubtful || part.Encoded
	switch j.readClaims(part); {
	case len(part.FileNames) == 0 && !isDoubtful:
		// Browsers send an empty file without a name for an input without one.
		j.part.pending = true
		if j.part.stale = isCrossedOut(part); j.part.stale || isTypedField(part) {
			j.part.spare = maxTypedField
		}
		return nil
	case part.Multipart:
		// A form within a form may have any number of files.
		if err := j.each(func(r *Rules) error { return r.judgeNumber(j.endpoint, 0, true) }); err != nil {
			return err
		}
	}
	return j.beginFile()
}

// beginFile judges the part as a file, from its beginning.
func (j *Judge) beginFile() error {
	// It counts also if it is refused by some candidates: others may allow it.
	j.part.file, j.part.pending = true, false
	j.files++
	return j.each(func(r *Rules) error {
		if err := r.judgeNumber(j.endpoint, j.files, false); err != nil {
			return err
		}
		return r.judgePart(&j.claims)
	})
}

// Content judges the next piece of the part's content.
func (j *Judge) Content(piece []byte) error {
	part := &j.part
	part.size += int64(len(piece))
	// The claims are judged now that something is there to which they apply.
	if part.pending && (part.size > part.spare || part.stale && len(bytes.Trim(piece, crossedOut)) > 0) {
		if err := j.beginFile(); err != nil {
			return err
		}
	}
	if err := j.judgePartSize(); err != nil {
		return err
	}
	if !part.file && !part.pending || !part.types || part.sniffed {
		return nil
	}
	return j.collect(piece)
}

// judgePartSize judges the size of the open part, as far as it has come. The piece that is
// too much does not pass.
func (j *Judge) judgePartSize() error {
	if !j.part.file && !j.part.limited {
		return nil
	}
	return j.each(func(r *Rules) error {
		if r.maxFileSize > 0 && j.part.size > r.maxFileSize {
			return refuse(uploadapi.ErrFileTooLarge, "max_file_size: %d bytes, and maybe more", j.part.size)
		}
		return nil
	})
}

// collect keeps the beginning of the part, and judges it once it is whole. Nothing is
// copied if it comes in one piece.
func (j *Judge) collect(piece []byte) error {
	part := &j.part
	// While the part is pending, its claims have not been judged; so nothing is sniffed.
	if len(part.head) == 0 && len(piece) >= sniffLength && part.file {
		return j.judgeHead(piece[:sniffLength])
	}
	if part.head == nil {
		part.head = heads.Get().(*[sniffLength]byte)[:0]
	}
	part.head = append(part.head, piece[:min(len(piece), sniffLength-len(part.head))]...)
	if len(part.head) < sniffLength || !part.file {
		return nil
	}
	return j.judgeHead(part.head)
}

// judgeHead judges the first bytes of a file.
func (j *Judge) judgeHead(head []byte) error {
	sniffed := sniff(head)
	j.part.sniffed = true
	if j.part.head != nil {
		heads.Put((*[sniffLength]byte)(j.part.head[:sniffLength]))
		j.part.head = nil
	}
	return j.each(func(r *Rules) error {
		if r.types == nil {
			return nil
		}
		if wrong := r.types.judgeContents(sniffed, &j.claims); wrong != "" {
			return refuse(uploadapi.ErrFileType, "types: %s", wrong)
		}
		return nil
	})
}

// End judges a part that has ended. A file shorter than what is sniffed is judged only here:
// its end has not been passed on yet, so the upstream does not have it whole.
func (j *Judge) End() error {
	j.part.open = false
	if !j.part.file || !j.part.types || j.part.sniffed {
		return nil
	}
	return j.judgeHead(j.part.head)
}

// Ambiguous judges a place at which only some servers see a part begin. Within a part, such a
// file is smaller than the part, so its size is bounded. But its name and its type were not
// read, and there may be any number of such files: rules on these refuse the upload.
func (j *Judge) Ambiguous() error {
	j.part.limited = true
	return j.each(func(r *Rules) error {
		switch {
		case r.types != nil:
			return refuse(uploadapi.ErrFileType, "types: servers disagree where a part begins")
		case r.maxFiles > 0:
			return r.judgeNumber(j.endpoint, 0, true)
		case r.maxFileSize > 0 && (!j.part.open || j.part.size > r.maxFileSize):
			return refuse(uploadapi.ErrFileTooLarge, "max_file_size: servers disagree where a part begins")
		}
		return nil
	})
}
