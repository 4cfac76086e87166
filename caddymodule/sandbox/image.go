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

// imageInfo is what the service says of an image. What would take reading the
// picture's EXIF data is always null here.
type imageInfo struct {
	ColorMode        string    `json:"color_mode"`
	Orientation      *int      `json:"orientation"`
	Format           string    `json:"format"`
	Height           int       `json:"height"`
	Width            int       `json:"width"`
	Sequence         bool      `json:"sequence"`
	GeoLocation      *struct{} `json:"geo_location"`
	DatetimeOriginal *string   `json:"datetime_original"`
	DPI              *[2]int   `json:"dpi"`
}

type imageFormat struct {
	name   string
	decode func(io.Reader) (image.Config, error)
}

// imageFormats names its decoders instead of asking package image, whose list
// depends on what else is linked into the binary.
var imageFormats = map[string]imageFormat{
	"image/png":  {"PNG", png.DecodeConfig},
	"image/jpeg": {"JPEG", jpeg.DecodeConfig},
	"image/gif":  {"GIF", gif.DecodeConfig},
}

// readImage looks at an image's header, never at its pixels: their memory is
// the uploader's to choose. It returns nil for what it cannot read.
func readImage(content io.Reader, mediaType string) *imageInfo {
	format, ok := imageFormats[mediaType]
	if !ok {
		return nil
	}
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

// colorMode names a colour model as the service does, in Pillow's words. A
// JPEG's YCbCr is RGB there.
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
