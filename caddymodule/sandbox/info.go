// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"io"
	"strings"
	"unicode"
)

// fileInfo is the description of a file, with the fields of the service's /info/. It is also
// the stored form.
//
// Source: schema fileUploadInfo of https://uploadcare.com/api-refs/upload-api/
type fileInfo struct {
	UUID string `json:"uuid"`
	// The documentation has it as "Same as `uuid`", and total and done as "Same as
	// `size`".
	FileID           string      `json:"file_id"`
	Size             int64       `json:"size"`
	Total            int64       `json:"total"`
	Done             int64       `json:"done"`
	OriginalFilename string      `json:"original_filename"`
	Filename         string      `json:"filename"`
	MIMEType         string      `json:"mime_type"`
	IsImage          bool        `json:"is_image"`
	ImageInfo        *imageInfo  `json:"image_info"`
	VideoInfo        *struct{}   `json:"video_info"` // always null: the sandbox does not parse videos
	ContentInfo      contentInfo `json:"content_info"`
	// Before it, the service has `s3_bucket` for projects with a bucket of their own.
	Metadata map[string]string `json:"metadata"`
	IsStored bool              `json:"is_stored"`
	// Clients poll until it is true. Here a file is ready as soon as it is visible.
	IsReady bool `json:"is_ready"`
}

// contentInfo is what the service has found out about a file's content.
type contentInfo struct {
	MIME  mimeInfo   `json:"mime"`
	Image *imageInfo `json:"image,omitempty"`
}

// mimeInfo is a media type, as a whole and split at its slash.
type mimeInfo struct {
	MIME    string `json:"mime"`
	Type    string `json:"type"`
	Subtype string `json:"subtype"`
}

// describe sets what follows from a file's bytes, and from the name and type that the client
// sent.
func (i *fileInfo) describe(content io.ReaderAt, size int64, filename, contentType string) error {
	guessed, err := guessType(content)
	if err != nil {
		return err
	}
	guessed = essence(guessed)
	mediaType := storedType(contentType, guessed)
	major, minor, _ := strings.Cut(mediaType, "/")

	i.Size, i.Total, i.Done = size, size, size
	i.OriginalFilename = strings.ToValidUTF8(filename, "\uFFFD") // JSON has no other text
	i.Filename = sanitize(filename)
	i.MIMEType = mediaType
	// By the bytes and not by the client's type, which may be wrong.
	i.ImageInfo = readImage(io.NewSectionReader(content, 0, size), guessed)
	i.IsImage = i.ImageInfo != nil
	i.ContentInfo = contentInfo{
		MIME:  mimeInfo{MIME: mediaType, Type: major, Subtype: minor},
		Image: i.ImageInfo,
	}
	i.IsReady = true
	return nil
}

// sanitize removes from a file name what could be unsafe in a path, a header or a page. The
// service's own rule is not documented; in its examples hyphens are removed, too.
func sanitize(filename string) string {
	kept := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || r == '.' {
			return r
		}
		return -1
	}, filename)
	kept = strings.TrimLeft(kept, ".") // no hidden file, and no ".."
	if kept == "" {
		return "file"
	}
	return kept
}
