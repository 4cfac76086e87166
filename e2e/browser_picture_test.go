// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// picture draws hills at sunset into a file: a real PNG, a different one for each shade.
func picture(t *testing.T, name string, shade uint8) string {
	t.Helper()
	const width, height = 640, 480
	canvas := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			canvas.Set(x, y, sunset(float64(x)/width, float64(y)/height, shade))
		}
	}
	var encoded bytes.Buffer
	if err := png.Encode(&encoded, canvas); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, encoded.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// sunset is the colour at a place between 0 and 1.
func sunset(x, y float64, shade uint8) color.RGBA {
	ridge := 0.6 + 0.08*math.Sin(7*x+float64(shade))
	sun := math.Hypot((x-0.7)*4/3, y-0.3)
	switch {
	case y > ridge:
		return color.RGBA{30 + shade, uint8(90 + 60*x), 160 - shade, 255}
	case sun < 0.13:
		return color.RGBA{255, 235, 170, 255}
	default:
		return color.RGBA{uint8(250-90*y) - shade, uint8(150 + 60*y), uint8(120+100*x) - shade/2, 255}
	}
}

// wantStored checks that the sandbox holds the file, byte for byte.
func wantStored(t *testing.T, sandbox, uuid, file string) {
	t.Helper()
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	status, got := get(t, sandbox+"/"+uuid+"/")
	if status != http.StatusOK || !bytes.Equal(got, want) {
		t.Errorf("the sandbox returned %d with %d bytes, want the %d of %s", status, len(got), len(want), filepath.Base(file))
	}
}
