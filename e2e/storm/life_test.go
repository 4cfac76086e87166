// SPDX-License-Identifier: Apache-2.0

package main

import (
	"maps"
	"strings"
	"testing"
)

// lived returns a life that adds up.
func lived(ending string) *life {
	l := newLife("a1")
	l.ending = ending
	l.responded = outcomes{"accepted": 90, "refused": 7}
	l.unknown = 5
	l.logged = outcomes{"accepted": 91, "refused": 7, "client_gone": 3}
	l.scraped, l.complete = maps.Clone(l.logged), ending == drained
	return l
}

func TestLivesAddUp(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ending string
		plant  func(*life)
		want   string // empty: nothing is wrong
	}{
		"all is well, drained":                    {drained, func(*life) {}, ""},
		"all is well, stopped":                    {stopped, func(l *life) { l.scraped["accepted"] -= 20 }, ""},
		"killed before the last lines":            {killed, func(l *life) { l.logged["accepted"] -= 3; l.scraped, l.inFlight = nil, 2 }, ""},
		"killed, and more lines are missing":      {killed, func(l *life) { l.logged["accepted"] -= 4; l.scraped, l.inFlight = nil, 2 }, "clients were told"},
		"an accepted upload that is not logged":   {stopped, func(l *life) { l.logged["accepted"] = 89; l.scraped = nil }, "clients were told"},
		"a refused one that is logged as another": {stopped, func(l *life) { l.logged["refused"]--; l.logged["accepted"]++; l.scraped = nil }, "clients were told"},
		"an upload that is logged twice":          {stopped, func(l *life) { l.logged["accepted"] += 2 }, "the access log has 103 uploads"},
		"one that the metrics do not have":        {drained, func(l *life) { l.scraped["accepted"]-- }, "the metrics have"},
		"an outcome that the metrics do not have": {drained, func(l *life) { delete(l.scraped, "client_gone") }, "the metrics have"},
		"one that the metrics alone have":         {stopped, func(l *life) { l.scraped["refused"]++ }, "the metrics have"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lived(test.ending)
			test.plant(l)
			found := l.wrong()
			switch {
			case test.want == "" && len(found) > 0:
				t.Errorf("found %v", found)
			case test.want != "" && (len(found) == 0 || !strings.Contains(found[0].what, test.want)):
				t.Errorf("found %v, want %q", found, test.want)
			}
		})
	}
}

func TestALifeCountsTheLinesOfUploadsAlone(t *testing.T) {
	t.Parallel()
	l := newLife("a1")
	l.follow(strings.NewReader(`{"msg":"handled request","uploadcare":{"outcome":"accepted","reason":""}}
{"msg":"handled request","status":404}
nonsense
{"msg":"handled request","uploadcare":{"outcome":"upstream_error","reason":"dial"}}
`))
	if want := (outcomes{"accepted": 1, "upstream_error": 1}); !maps.Equal(l.logged, want) {
		t.Errorf("counted %v, want %v", l.logged, want)
	}
	if want := (outcomes{"accepted": 1, "upstream_error dial": 1}); !maps.Equal(l.reasons, want) {
		t.Errorf("counted %v, want %v", l.reasons, want)
	}
}
