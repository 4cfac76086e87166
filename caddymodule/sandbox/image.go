// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
)

// imageInfo is the service's description of an image. Fields that come from EXIF data are
// always null here.
type imageInfo struct {
	ColorMode   string `json:"color_mode"`
	Orientation *int   `json:"orientation"`
	Format      string `json:"format"`
	Height      int    `json:"height"`
	Width       int    `json:"width"`
	// Whether there are several images, as in a GIF. To know it, all of the file would
	// have to be read.
	Sequence         bool      `json:"sequence"`
	GeoLocation      *struct{} `json:"geo_location"`
	DatetimeOriginal *string   `json:"datetime_original"`
	DPI              *[2]int   `json:"dpi"`
}

// imageFormat is the service's name of a format, and a decoder of its header.
type imageFormat struct {
	name   string
	decode func(io.Reader) (image.Config, error)
}

// imageFormats has the decoders by media type. Those that are registered with package image
// depend on what else is linked into the binary.
var imageFormats = map[string]imageFormat{
	// WebP, HEIC and others are images for the service. Go's library has no decoder for
	// them, so here they are files like any other.
	"image/png":  {"PNG", png.DecodeConfig},
	"image/jpeg": {"JPEG", jpeg.DecodeConfig},
	"image/gif":  {"GIF", gif.DecodeConfig},
}

// readImage decodes an image's header, and never its pixels: a small file can declare any
// number of them (a decompression bomb). It returns nil for what it cannot decode.
func readImage(content io.Reader, mediaType string) *imageInfo {
	format, ok := imageFormats[mediaType]
	if !ok {
		return nil
	}
	// A file may have an image's signature and nothing else. It is stored all the same.
	config, err := format.decode(content)
	if err != nil {
		return nil
	}
	return &imageInfo{
		ColorMode: colorMode(config.ColorModel),
		Format:    format.name,
		Height:    config.Height,
		Width:     config.Width,
	}
}

// colorMode returns the service's name of a colour model, which is that of the Python library
// Pillow. It calls a JPEG's YCbCr RGB.
func colorMode(model color.Model) string {
	if _, ok := model.(color.Palette); ok {
		return "P"
	}
	switch model {
	case color.GrayModel, color.Gray16Model:
		return "L"
	case color.NRGBAModel, color.NRGBA64Model:
		return "RGBA"
	case color.CMYKModel:
		return "CMYK"
	default:
		return "RGB"
	}
}
