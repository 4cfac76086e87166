// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

// What arrived, in lines.
func reportOf(f form, lines ...string) string {
	file := arrived("file", "photo.jpg", fmt.Sprintf("%d %08x", f.size, f.checksum()))
	return strings.ReplaceAll(strings.Join(lines, "\n"), "FILE", file) + "\n"
}

const (
	keyLine   = `UPLOADCARE_PUB_KEY "" "demopublickey"`
	storeLine = `UPLOADCARE_STORE "" "auto"`
)

func TestOnlyWhatIsRightIsFoundRight(t *testing.T) {
	f := newForm(3000)
	signature, expire := arrived("signature", "", freshSignatureValue), arrived("expire", "", freshExpireValue)
	staleSignatureLine, staleExpireLine := arrived("signature", "", staleSignature), arrived("expire", "", staleExpire)
	renamed := arrived("file", "cat.jpg", fmt.Sprintf("%d %08x", f.size, f.checksum()))
	crossedOut := arrived("xxxxxxxxx", "", "xxxx")
	tests := map[string]struct {
		lines []string
		signs bool
		right bool
	}{
		"a proxy":                       {[]string{keyLine, staleSignatureLine, staleExpireLine, storeLine, "FILE"}, false, true},
		"a proxy that signs":            {[]string{keyLine, signature, expire, storeLine, "FILE"}, false, false},
		"signed":                        {[]string{keyLine, storeLine, "FILE", signature, expire}, true, true},
		"signed, crossed out":           {[]string{keyLine, crossedOut, storeLine, "FILE", signature, expire}, true, true},
		"not signed":                    {[]string{keyLine, storeLine, "FILE"}, true, false},
		"a stale signature is left":     {[]string{keyLine, staleSignatureLine, storeLine, "FILE", signature, expire}, true, false},
		"a stale expiry is left":        {[]string{keyLine, staleExpireLine, storeLine, "FILE", signature, expire}, true, false},
		"two signatures":                {[]string{keyLine, storeLine, "FILE", signature, signature, expire}, true, false},
		"a field is lost":               {[]string{keyLine, "FILE", signature, expire}, true, false},
		"the order is another":          {[]string{storeLine, keyLine, "FILE", signature, expire}, true, false},
		"the file is another":           {[]string{keyLine, storeLine, `file "photo.jpg" "3000 00000000"`, signature, expire}, true, false},
		"the name of the file is other": {[]string{keyLine, storeLine, renamed, signature, expire}, true, false},
	}
	for name, test := range tests {
		if err := f.check(reportOf(f, test.lines...), test.signs, false); (err == nil) != test.right {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestForcedFieldsArriveOnceAndInPlaceOfTheClients(t *testing.T) {
	f := newForm(3000)
	signature, expire := arrived("signature", "", freshSignatureValue), arrived("expire", "", freshExpireValue)
	user, store, crossedOut := forcedFields[0], forcedFields[1], arrived("xxxxxxxxxxxxxxxx", "", "xxxx")
	tests := map[string]struct {
		lines []string
		right bool
	}{
		"forced":                        {[]string{keyLine, "FILE", user, store, signature, expire}, true},
		"forced, crossed out":           {[]string{keyLine, crossedOut, "FILE", user, store, signature, expire}, true},
		"none":                          {[]string{keyLine, storeLine, "FILE", signature, expire}, false},
		"one of two":                    {[]string{keyLine, "FILE", store, signature, expire}, false},
		"one of them twice":             {[]string{keyLine, "FILE", user, user, store, signature, expire}, false},
		"the client's is left as well":  {[]string{keyLine, storeLine, "FILE", user, store, signature, expire}, false},
		"the client's is left in place": {[]string{keyLine, storeLine, "FILE", user, signature, expire}, false},
	}
	for name, test := range tests {
		if err := f.check(reportOf(f, test.lines...), true, true); (err == nil) != test.right {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := f.check(reportOf(f, keyLine, storeLine, "FILE", user, store, signature, expire), true, false); err == nil {
		t.Error("a contender without rules may force fields")
	}
}

func TestAFormHasTheLengthThatItPromises(t *testing.T) {
	for _, size := range []int64{0, 1, 1 << 20, 1<<20 + 1, 3 << 20} {
		f, length := newForm(size), int64(0)
		for piece := range f.pieces("") {
			length += int64(len(piece))
		}
		if length != f.length() {
			t.Errorf("%d bytes, want %d", length, f.length())
		}
	}
}

func TestRatiosAreOfTheSameRound(t *testing.T) {
	r := &results{MaxOther: 0.3}
	for round, rates := range [][2]float64{{10, 20}, {1, 3}, {100, 100}, {7, 14}, {1, 1000}} {
		for i, name := range []string{base, gateway, "policy"} {
			s := sample{Mode: "plain", Case: "1KiB", Contender: name, Round: round, Requests: int(rates[min(i, 1)]), Seconds: float64(max(i, 1))}
			if s.Requests == 1000 {
				s.Other = 0.5 // does not count
			}
			r.Samples = append(r.Samples, s)
		}
	}
	got, ok := ratios(r.samplesOf("plain", "1KiB", gateway), r.samplesOf("plain", "1KiB", base), sample.rate)
	if want := (spread{1.75, 2, 2.25}); !ok || got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if report := r.report(); !strings.Contains(report, "| `uploadcare` | 17 | 2.00 (1.75 to 2.25) |") {
		t.Errorf("report:\n%s", report)
	}
	if report := r.report(); !strings.Contains(report, "`policy` against `uploadcare`: throughput 0.50 (0.50 to 0.50), CPU –") {
		t.Errorf("report:\n%s", report)
	}
	if picture := r.picture(); !strings.Contains(picture, ">uploadcare</text>") || strings.Contains(picture, "NaN") {
		t.Errorf("picture:\n%s", picture)
	}
}

func TestWhatThisProcessUses(t *testing.T) {
	before, err := usageOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for began, x := time.Now(), 1.0; time.Since(began) < 200*time.Millisecond; x++ {
		_ = math.Sqrt(x)
	}
	after, err := usageOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if after.cpu <= before.cpu || after.rss < 1<<20 {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

func TestNamesAreChecked(t *testing.T) {
	if err := (&options{modes: []string{"plain"}, cases: []string{"1KiB"}, contenders: []string{gateway}}).check(); err != nil {
		t.Error(err)
	}
	if err := (&options{modes: []string{"plane"}}).check(); err == nil {
		t.Error("a typo is accepted")
	}
}
