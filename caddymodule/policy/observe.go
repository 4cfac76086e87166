// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"strings"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// maxTypedField is the size of the largest field that is one although it declares a type.
// The longest values are those of metadata, 512 characters.
const maxTypedField = 4 * uploadapi.MetadataValueLength

// openPart is what is known of the part that passes.
type openPart struct {
	open    bool
	file    bool  // it is judged as a file
	pending bool  // it is not a file unless it has more than spare bytes
	spare   int64 // see pending
	limited bool  // its size is limited, though it is no file to most servers
	size    int64
	types   bool   // its first bytes matter
	head    []byte // as far as they came in pieces
	sniffed bool
}

// Observes reports whether the judge must see the parts of the form, as its Observer.
func (j *Judge) Observes() bool {
	return j != nil && j.hasFiles() && j.any(func(r *Rules) bool { return r.maxFileSize > 0 || r.maxFiles > 0 || r.types != nil })
}

// Begin judges the header of a part.
func (j *Judge) Begin(part *form.Part) error {
	j.part = openPart{open: true, head: j.part.head[:0], types: j.any(func(r *Rules) bool { return r.types != nil })}
	isDoubtful := part.Nested || part.Doubtful || part.Encoded
	switch j.readClaims(part); {
	case !part.File && !part.Nested && !part.Doubtful:
		return nil
	case len(part.FileNames) == 0 && !isDoubtful:
		// Browsers send an empty file without a name for an input without one.
		j.part.pending = true
		if isTypedField(part) {
			j.part.spare = maxTypedField
		}
		return nil
	case part.Nested && hasForm(part):
		// A form within a form may have any number of files.
		if err := j.each(func(r *Rules) error { return r.judgeNumber(j.endpoint, 0, true) }); err != nil {
			return err
		}
	}
	return j.beginFile()
}

// readClaims reads what a part says that it is.
func (j *Judge) readClaims(part *form.Part) {
	j.claims.reset()
	for _, name := range part.FileNames {
		j.claims.name(name)
	}
	for _, mediaType := range part.Types {
		j.claims.declare(mediaType)
	}
	switch {
	case part.Nested:
		j.claims.doubt = "a part that is a form of its own"
	case part.Encoded:
		j.claims.doubt = "a part that is encoded"
	case part.Doubtful:
		j.claims.doubt = "a part whose name or type servers read in different ways"
	}
}

// hasForm reports whether a nested part may have files: a urlencoded one has none.
func hasForm(part *form.Part) bool {
	return len(part.Types) == 0 || slices.ContainsFunc(part.Types, func(mediaType string) bool { return strings.HasPrefix(mediaType, "multipart/") })
}

// typedFields are the names of fields that SDKs for Java, .NET and Dart send with a
// Content-Type. A few servers take each such part for a file.
var typedFields = []string{
	uploadapi.FieldPublicKey, uploadapi.ParamPublicKey, uploadapi.FieldStore, uploadapi.ParamStore, uploadapi.FieldFileID,
	uploadapi.FieldSignature, uploadapi.FieldExpire, uploadapi.FieldIframeSignature, uploadapi.FieldIframeExpire,
	"source", "UPLOADCARE_SOURCE", "file_name", "tags", "jsonerrors",
}

// isTypedField reports whether a part without a file name is such a field.
func isTypedField(part *form.Part) bool {
	isText := len(part.Types) > 0 && !slices.ContainsFunc(part.Types, func(mediaType string) bool { return mediaType != "text/plain" })
	name := string(part.Name)
	isCrossedOut := strings.Trim(name, "x") == "" // a stale one, such as a signature
	return isText && (isCrossedOut || slices.Contains(typedFields, name) || strings.HasPrefix(name, "metadata["))
}

// beginFile judges the part as a file, from its beginning.
func (j *Judge) beginFile() error {
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
	if part.pending && part.size > part.spare {
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

// judgePartSize judges the size of the open part, as far as it has come.
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
	if len(part.head) == 0 && len(piece) >= sniffLength && part.file {
		return j.judgeHead(piece[:sniffLength])
	}
	if part.head == nil {
		part.head = make([]byte, 0, sniffLength)
	}
	part.head = append(part.head, piece[:min(len(piece), sniffLength-len(part.head))]...)
	if len(part.head) < sniffLength || !part.file {
		return nil
	}
	return j.judgeHead(part.head)
}

// judgeHead judges the first bytes of a file.
func (j *Judge) judgeHead(head []byte) error {
	j.part.sniffed = true
	sniffed := sniff(head)
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

// End judges the part, which is over.
func (j *Judge) End() error {
	j.part.open = false
	if !j.part.file || !j.part.types || j.part.sniffed {
		return nil
	}
	return j.judgeHead(j.part.head)
}

// Ambiguous judges that servers disagree where a part begins. Within one, what some take
// for a file of its own is smaller than the part.
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
