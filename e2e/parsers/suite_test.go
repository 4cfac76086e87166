// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
)

// parser is a real form parser that is kept alive.
type parser interface {
	read(messages []message) ([]reading, error)
	stop()
}

// reader is a parser of the suite.
type reader struct {
	parser
	habits
	name, version string
}

// habits are what a parser does in its own way, to no harm.
type habits struct {
	nested      bool // it takes what stands before a bracket for the name
	shared      bool // fields and files share their names
	cutsAtComma bool // a boundary ends at a comma, even in quotes
	readsInner  bool // a part that is a form is read in its place, and more behind it
	// cutsAtSemicolon: a last parameter ends at a semicolon, and no other.
	cutsAtSemicolon bool
	inSevenBits     bool // bytes of a urlencoded body lose their first bit
}

// programs are the parsers with a process of their own. Debian's Python has the
// packages, which another that comes first in PATH has not.
var programs = []struct {
	command []string
	habits  habits
}{
	{command: []string{"/usr/bin/python3", "python/django_request.py"}},
	{command: []string{"/usr/bin/python3", "python/werkzeug_request.py"}},
	{command: []string{"/usr/bin/python3", "python/tornado_request.py"}},
	{command: []string{"/usr/bin/python3", "python/aiohttp_request.py"}},
	{command: []string{"/usr/bin/python3", "python/starlette_request.py"}, habits: habits{cutsAtSemicolon: true}},
	{command: []string{"/usr/bin/python3", "python/cgi_fieldstorage.py"}, habits: habits{readsInner: true}},
	{command: []string{"/usr/bin/python3", "python/falcon_request.py"}},
	{command: []string{"/usr/bin/python3", "python/cherrypy_request.py"}},
	{command: []string{"ruby", "ruby/rack.rb"}, habits: habits{nested: true, shared: true, cutsAtComma: true}},
	{command: []string{"perl", "perl/cgi.pl"}, habits: habits{cutsAtComma: true}},
	{command: []string{"perl", "perl/plack.pl"}},
	{command: []string{"perl", "perl/http_body.pl"}},
	{command: []string{"perl", "perl/mojolicious.pl"}, habits: habits{readsInner: true}},
	{command: []string{"node", "node/busboy.mjs"}},
	{command: []string{"node", "node/multer.mjs"}, habits: habits{nested: true}},
	{command: []string{"node", "node/fastify_busboy.mjs"}},
	{command: []string{"node", "node/formidable.mjs"}, habits: habits{inSevenBits: true}},
	{command: []string{"node", "node/multiparty.mjs"}},
	{command: []string{"node", "node/undici.mjs"}},
	{command: []string{"node", "node/remix.mjs"}},
	{command: []string{"node", "node/body_parser.mjs"}, habits: habits{nested: true}},
	{command: []string{"java", "-cp", "/usr/share/java/commons-fileupload.jar:/usr/share/java/commons-io.jar", "java/CommonsFileUpload.java"}},
	{command: []string{"/usr/bin/python3", "python/modsecurity.py"}},
}

// suite is all parsers.
type suite struct{ readers []*reader }

// running is the suite that all tests share, once one has started it, and why it
// is not complete.
var (
	running    *suite
	incomplete error
)

func TestMain(m *testing.M) {
	code := m.Run()
	if running != nil {
		running.stop()
	}
	os.Exit(code)
}

// theSuite starts all parsers, unless they run. One that is missing fails the
// test.
func theSuite(t *testing.T) *suite {
	t.Helper()
	if running == nil {
		running, incomplete = startSuite()
		for _, r := range running.readers {
			t.Logf("%s %s", r.name, r.version)
		}
	}
	if incomplete != nil {
		t.Fatalf("parsers are missing; e2e/parsers/install installs them:\n%v", incomplete)
	}
	return running
}

// startSuite starts the parsers that are installed. The error names the others.
func startSuite() (*suite, error) {
	s := &suite{readers: []*reader{
		{parser: goParser(goRequest), name: "Go, http.Request", version: goVersion},
		{parser: goParser(goReader), name: "Go, multipart.Reader", version: goVersion},
	}}
	started := make([]*reader, len(programs)+1)
	failures := make([]error, len(started))
	var starting sync.WaitGroup
	for i, program := range programs {
		starting.Go(func() {
			c, err := startChild(program.command)
			if err != nil {
				failures[i] = fmt.Errorf("%v: %w", program.command, err)
				return
			}
			started[i] = &reader{parser: c, habits: program.habits, name: c.name, version: c.version}
		})
	}
	starting.Go(func() {
		p, err := startPHP()
		if err != nil {
			failures[len(programs)] = err
			return
		}
		started[len(programs)] = &reader{parser: p, habits: habits{nested: true}, name: "PHP", version: p.version}
	})
	starting.Wait()
	s.readers = append(s.readers, slices.DeleteFunc(started, func(r *reader) bool { return r == nil })...)
	return s, errors.Join(failures...)
}

func (s *suite) stop() {
	for _, r := range s.readers {
		r.stop()
	}
}

// atOnce is how many messages parsers are given at one time, for which they have
// their patience.
const atOnce = 2000

// read has every parser read every message. The readings of a message stand in
// the order of the parsers.
func (s *suite) read(t *testing.T, messages []message) [][]reading {
	t.Helper()
	readings := make([][]reading, 0, len(messages))
	for some := range slices.Chunk(messages, atOnce) {
		readings = append(readings, s.readSome(t, some)...)
	}
	return readings
}

func (s *suite) readSome(t *testing.T, messages []message) [][]reading {
	t.Helper()
	readings := make([][]reading, len(messages))
	for i := range readings {
		readings[i] = make([]reading, len(s.readers))
	}
	failures := make([]error, len(s.readers))
	var reading sync.WaitGroup
	for i, r := range s.readers {
		reading.Go(func() {
			read, err := r.read(messages)
			failures[i] = err
			for j := range read {
				readings[j][i] = read[j]
			}
		})
	}
	reading.Wait()
	if err := errors.Join(failures...); err != nil {
		t.Fatal(err)
	}
	return readings
}
