// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

const (
	testLifetime  = 30 * time.Minute
	testThreshold = 10 * time.Minute
)

// errDown is what a source says that is down.
var errDown = errors.New("down")

// simulation is a cache with a source and a clock that do what a test wants. It
// lives in a synctest bubble, where hours take no time.
type simulation struct {
	t     *testing.T
	cache *Cache
	clock *Clock

	mu      sync.Mutex
	start   time.Time
	step    time.Duration // by which the wall clock is wrong
	yields  Source
	takes   time.Duration          // how long the source takes to respond
	asked   []time.Duration        // when it was, since the start
	tokens  map[credential]Reading // when each was asked for, by the earliest clock
	running int                    // calls of the source
	peak    int                    // of them at once
}

// credential is what distinguishes tokens.
type credential struct {
	signature string
	expire    int64
}

func simulate(t *testing.T) *simulation {
	t.Helper()
	s := &simulation{t: t, start: time.Now(), yields: minted(testLifetime), tokens: make(map[credential]Reading)}
	s.clock = NewClock(func() Reading {
		s.mu.Lock()
		defer s.mu.Unlock()
		now := time.Now()
		return Reading{Wall: now.Add(s.step), Elapsed: now.Sub(s.start)}
	})
	s.cache = NewCache(testThreshold, s.clock)
	t.Cleanup(func() { time.Sleep(time.Hour) }) // until refreshes that no upload waits for have ended
	return s
}

// minted is a source of tokens that live as long.
func minted(lifetime time.Duration) Source {
	return func(_ context.Context, asking Asking) (Token, error) {
		return Mint("secret", asking.Now, lifetime), nil
	}
}

// failing is a source that fails.
func failing(err error) Source {
	return func(context.Context, Asking) (Token, error) { return Token{}, err }
}

// set makes the source take its time and respond as another does.
func (s *simulation) set(takes time.Duration, source Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takes, s.yields = takes, source
}

// stepClock makes the wall clock wrong, while the other runs on.
func (s *simulation) stepClock(step time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.step = step
}

// source is the source.
func (s *simulation) source(ctx context.Context, asking Asking) (Token, error) {
	now := s.clock.Now()
	s.mu.Lock()
	takes, source := s.takes, s.yields
	s.asked = append(s.asked, now.Elapsed)
	s.running++
	s.peak = max(s.peak, s.running)
	s.mu.Unlock()
	time.Sleep(takes)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	token, err := source(ctx, asking)
	id := credential{token.Signature, token.Expire}
	if before, again := s.tokens[id]; !again || now.Wall.Add(-now.Elapsed).Before(before.Wall.Add(-before.Elapsed)) {
		s.tokens[id] = now
	}
	return token, err
}

// calls returns how often the source was asked.
func (s *simulation) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

// most returns how many calls of the source there were at once.
func (s *simulation) most() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peak
}

// gaps returns the times between calls of the source.
func (s *simulation) gaps() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var gaps []time.Duration
	for i := 1; i < len(s.asked); i++ {
		gaps = append(gaps, s.asked[i]-s.asked[i-1])
	}
	return gaps
}

// upload gets a token and returns how long that took. Whatever else a test is
// about, the token must not have expired.
func (s *simulation) upload() (Token, time.Duration, error) {
	s.t.Helper()
	began := time.Now()
	token, err := s.cache.Get(s.t.Context(), s.source)
	took := time.Since(began)
	if err == nil {
		s.checkValid(token)
	}
	return token, took, err
}

func (s *simulation) checkValid(token Token) {
	s.t.Helper()
	now := s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.tokens[credential{token.Signature, token.Expire}]
	if token.Expired(now.Wall, 0) || token.Expired(asked.Wall.Add(now.Elapsed-asked.Elapsed), 0) {
		s.t.Errorf("after %s: %v, which has expired", now.Elapsed, token)
	}
}

// mustUpload is an upload that gets a token at once.
func (s *simulation) mustUpload() Token {
	s.t.Helper()
	token, took, err := s.upload()
	if err != nil || took != 0 {
		s.t.Errorf("after %s: %v, after a wait of %s", s.clock.Now().Elapsed, err, took)
	}
	return token
}

// mustFail is an upload that fails at once for lack of a token.
func (s *simulation) mustFail() *UnavailableError {
	s.t.Helper()
	_, took, err := s.upload()
	var unavailable *UnavailableError
	if !errors.As(err, &unavailable) || took != 0 {
		s.t.Fatalf("after %s: %v, after a wait of %s", s.clock.Now().Elapsed, err, took)
	}
	return unavailable
}

// uploads are as many at once. They return how long the longest took, and how
// many got a token.
func (s *simulation) uploads(number int) (longest time.Duration, granted int) {
	s.t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	for range number {
		all.Go(func() {
			_, took, err := s.upload()
			mu.Lock()
			defer mu.Unlock()
			longest = max(longest, took)
			if err == nil {
				granted++
			}
		})
	}
	all.Wait()
	return longest, granted
}

// during calls f at every interval for as long, whether or not the one before
// has returned, and waits for the last.
func during(period, interval time.Duration, f func()) {
	var all sync.WaitGroup
	for end := time.Now().Add(period); time.Now().Before(end); time.Sleep(interval) {
		all.Go(f)
	}
	all.Wait()
}
