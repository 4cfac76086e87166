// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Positions and sizes in the picture, in pixels.
const (
	pictureWidth = 860
	axisLeft     = 190
	axisRight    = 820
	barHeight    = 7
	rowHeight    = 20
)

// axisEnds are the ratios at the ends of the axis, which is logarithmic: twice
// as much is as far from 1 as half as much.
var axisEnds = [2]float64{0.1, 10}

// onAxis returns the position of a ratio in pixels.
func onAxis(ratio float64) float64 {
	// One that is beyond is drawn at the end, rather than outside of the picture.
	ratio = min(max(ratio, axisEnds[0]), axisEnds[1])
	return axisLeft + (axisRight-axisLeft)*math.Log(ratio/axisEnds[0])/math.Log(axisEnds[1]/axisEnds[0])
}

// picture draws throughput and CPU of all contenders but the base, as SVG.
func (r *results) picture() string {
	var body strings.Builder
	y := 70
	for _, mode := range modes {
		titled := false
		for _, uploads := range cases {
			names := r.contenders(mode.name, uploads.name)
			if len(r.samplesOf(mode.name, uploads.name, base)) == 0 || len(names) < 2 {
				continue
			}
			if !titled {
				titled = true
				y += 14
				fmt.Fprintf(&body, "<text x=\"10\" y=\"%d\" class=\"mode\">%s</text>\n", y, html.EscapeString(upperFirst(mode.String())))
				y += 16
			}
			y = r.drawCase(&body, mode, uploads, names, y)
		}
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">
<style>.mode{font-weight:bold;font-size:14px}.case{font-style:italic}.axis{stroke:#bbb}.one{stroke:#333}.whisker{stroke:#333}.rate{fill:#2a78c2}.cpu{fill:#e08a1e}</style>
<rect width="%d" height="%d" fill="#fff"/>
<text x="10" y="22" class="mode">Against Caddy's plain reverse_proxy: median, with quartiles</text>
<rect x="10" y="34" width="12" height="10" class="rate"/><text x="27" y="44">throughput: right is better</text>
<rect x="210" y="34" width="12" height="10" class="cpu"/><text x="227" y="44">CPU per upload: left is better</text>
%s</svg>
`, pictureWidth, y+20, pictureWidth, y+20, pictureWidth, y+20, &body)
}

// drawCase draws the contenders of one case from y on, and returns where they end.
func (r *results) drawCase(b *strings.Builder, mode mode, uploads uploads, names []string, y int) int {
	fmt.Fprintf(b, "<text x=\"10\" y=\"%d\" class=\"case\">%s</text>\n", y+4, uploads)
	y += 10
	top := y
	var bars strings.Builder
	baseSamples := r.samplesOf(mode.name, uploads.name, base)
	for _, name := range names {
		if name == base {
			continue
		}
		samples := r.samplesOf(mode.name, uploads.name, name)
		fmt.Fprintf(&bars, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", axisLeft-8, y+14, html.EscapeString(name))
		if rate, ok := ratios(samples, baseSamples, sample.rate); ok {
			drawBar(&bars, "rate", rate, y+2)
		}
		// Without a proxy, there is no process whose CPU could be compared.
		if cpu, ok := ratios(samples, baseSamples, sample.cpuPerRequest); ok && name != "direct" {
			drawBar(&bars, "cpu", cpu, y+2+barHeight+1)
		}
		y += rowHeight
	}
	for _, tick := range []float64{0.1, 0.2, 0.5, 1, 2, 5, 10} {
		class := "axis"
		if tick == 1 {
			class = "one"
		}
		fmt.Fprintf(b, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" class=\"%s\"/><text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\" font-size=\"9\">%g</text>\n",
			onAxis(tick), onAxis(tick), top, y+2, class, onAxis(tick), y+12, tick)
	}
	b.WriteString(bars.String())
	return y + 24
}

// drawBar draws a bar from 1 to the median, with a line from the lower to the upper quartile.
func drawBar(b *strings.Builder, class string, s spread, y int) {
	from, to := onAxis(1), onAxis(s.median)
	if from > to {
		from, to = to, from
	}
	middle := float64(y) + barHeight/2.0
	fmt.Fprintf(b, "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" class=\"%s\"/><line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" class=\"whisker\"/>\n",
		from, y, max(to-from, 0.5), barHeight, class, onAxis(s.lower), onAxis(s.upper), middle, middle)
}
