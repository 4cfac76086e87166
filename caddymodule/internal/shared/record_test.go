// SPDX-License-Identifier: Apache-2.0

package shared

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

func TestOneGatewayStoresWhatAnotherReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(bubbleAge)
		storage, source := newMemory(), &backend{lifetime: testLifetime}
		first := newNode(t, storage, source.ask, 0).get(t)
		synctest.Wait()
		want := fmt.Sprintf(`{"v":1,"signature":"%s","issued":%d,"expire":%d}`, first.Signature, first.Issued, first.Expire)
		if stored, _ := storage.get(testKey); stored != want {
			t.Errorf("stored %s\nwant   %s", stored, want)
		}
		time.Sleep(5 * time.Minute)
		other := newNode(t, storage, source.ask, 0)
		if got := other.get(t); got != first || source.count() != 1 {
			t.Errorf("got %v, %d calls", got, source.count())
		}
		// The reader knows for how long the token has been in use.
		time.Sleep(10 * time.Minute)
		for range 16 {
			other.get(t)
			time.Sleep(10 * time.Second)
			synctest.Wait()
		}
		if source.count() != 2 {
			t.Errorf("%d calls when the token was due", source.count())
		}
	})
}

// Whatever has been written into the storage, what comes out of it is a
// token or nothing, and the next one takes its place.
func TestRecordsThatAreNoneAreIgnored(t *testing.T) {
	signature := strings.Repeat("0a", 32)
	fields := func(v, signature, issued, expire string) string {
		return `{"v":` + v + `,"signature":"` + signature + `","issued":` + issued + `,"expire":` + expire + `}`
	}
	tests := map[string]func(issued, expire string) string{
		"nothing":            func(string, string) string { return "" },
		"no JSON":            func(string, string) string { return "\x00\xff" },
		"null":               func(string, string) string { return "null" },
		"cut off":            func(i, e string) string { return fields("1", signature, i, e)[:80] },
		"of a later version": func(i, e string) string { return fields("2", signature, i, e) },
		"of no version":      func(i, e string) string { return fields("0", signature, i, e) },
		"a line break":       func(i, e string) string { return fields("1", signature[:60]+`\r\n--`, i, e) },
		"a line feed":        func(i, e string) string { return fields("1", signature+`\n`, i, e) },
		"MD5":                func(i, e string) string { return fields("1", signature[:32], i, e) },
		"an expiry as text":  func(i, e string) string { return fields("1", signature, i, `"`+e+`"`) },
		"in milliseconds":    func(i, e string) string { return fields("1", signature, i, e+"000") },
		"issued after it":    func(_, e string) string { return fields("1", signature, e, e) },
		"issued at no time":  func(_, e string) string { return fields("1", signature, "0", e) },
		"expired":            func(i, _ string) string { return fields("1", signature, "1", i) },
		"due":                func(_, e string) string { return fields("1", signature, "1", e) },
		"of the other scheme": func(i, e string) string {
			return `{"v":1,"token":"` + jwt(e) + `","issued":` + i + `,"expire":` + e + `}`
		},
		"of both schemes": func(i, e string) string {
			return `{"v":1,"signature":"` + signature + `","token":"` + jwt(e) + `","issued":` + i + `,"expire":` + e + `}`
		},
		"too large": func(i, e string) string { return fields("1", signature, i, e) + strings.Repeat(" ", maxRecord) },
	}
	for name, write := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(bubbleAge)
				now := time.Now().Unix()
				storage, source := newMemory(), &backend{lifetime: testLifetime}
				storage.put(testKey, []byte(write(strconv.FormatInt(now, 10), strconv.FormatInt(now+1799, 10))))
				node := newNode(t, storage, source.ask, 0)
				got := node.get(t)
				if got.Expire != now+1800 || source.count() != 1 {
					t.Errorf("got %v after %d calls", got, source.count())
				}
				synctest.Wait()
				if stored, _ := storage.get(testKey); !strings.Contains(stored, got.Signature) {
					t.Errorf("stored %s", stored)
				}
				node.checkReports(t)
			})
		})
	}
	// A valid record is read: without that, the other cases would prove nothing.
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(bubbleAge)
		now := time.Now().Unix()
		storage, source := newMemory(), &backend{lifetime: testLifetime}
		storage.put(testKey, []byte(fields("1", signature, strconv.FormatInt(now, 10), strconv.FormatInt(now+1799, 10))))
		if got := newNode(t, storage, source.ask, 0).get(t); got.Signature != signature || source.count() != 0 {
			t.Errorf("got %v after %d calls", got, source.count())
		}
	})
}

// jwt returns an access token that expires at a Unix second.
func jwt(expire string) string {
	seconds, err := strconv.ParseInt(expire, 10, 64)
	if err != nil {
		panic(err)
	}
	minted, err := token.MintAccessToken("secret", time.Unix(seconds-60, 0), time.Minute, []string{"/base/"}, 0)
	if err != nil {
		panic(err)
	}
	return minted.AccessToken
}

func TestAccessTokensAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(bubbleAge)
		storage, calls := newMemory(), 0
		source := func(_ context.Context, asking token.Asking) (token.Token, error) {
			calls++
			return token.MintAccessToken("secret", asking.Now, testLifetime, []string{"/base/"}, 0)
		}
		var tokens []token.Token
		for range 2 {
			node := newNode(t, storage, source, 0)
			node.AccessTokens = true
			tokens = append(tokens, node.get(t))
			synctest.Wait()
		}
		if tokens[0] != tokens[1] || tokens[0].AccessToken == "" || calls != 1 {
			t.Errorf("%d calls", calls)
		}
	})
}

// Invariant 8, in part: keys show nothing of a project or its secrets, and differ if tokens
// differ.
func TestInvariant8KeysShowNothing(t *testing.T) {
	parts := [][]string{
		{"demopublickey", "canary"}, {"demopublickeycanary"}, {"demopublickey", "canary", ""}, {"canary", "demopublickey"}, {`demopublickey" "canary`}, {},
	}
	seen := make(map[string]bool)
	for _, p := range parts {
		key := Key(p...)
		digits, prefixed := strings.CutPrefix(strings.TrimSuffix(key, ".json"), "uploadcare/tokens/")
		if !prefixed || len(digits) != 64 || strings.Contains(key, "canary") || seen[key] {
			t.Errorf("key %s for %q", key, p)
		}
		seen[key] = true
	}
}

func TestARefusalRemovesTheRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storage, source, node := loneNode(t)
		node.get(t)
		source.fail(token.ErrRefused)
		for range 30 { // until it is due
			_, _ = node.cache.Get(t.Context(), node.source)
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		if stored, ok := storage.get(testKey); ok {
			t.Errorf("stored %s", stored)
		}
		if _, err := node.cache.Get(t.Context(), node.source); !errors.Is(err, token.ErrRefused) {
			t.Errorf("got %v", err)
		}
		synctest.Wait()
		node.checkReports(t)
		// Those who are refused again and again do not make the storage work more
		// than it must.
		before := storage.count()
		_, _ = node.cache.Get(t.Context(), node.source)
		synctest.Wait()
		if operations := storage.count() - before; operations != 4 { // load, lock, load, unlock
			t.Errorf("%d operations", operations)
		}
	})
}

// A token that the service has rejected is not read from the storage again, and its
// replacement, which one gateway gets, serves the others.
func TestARejectedTokenIsReplacedOnceForTheFleet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(bubbleAge)
		storage, source := newMemory(), &backend{lifetime: testLifetime}
		nodes := []*node{newNode(t, storage, source.ask, 0), newNode(t, storage, source.ask, 0)}
		rejected := nodes[0].get(t)
		synctest.Wait()
		nodes[1].get(t)
		time.Sleep(2 * time.Minute)
		var replaced []token.Token
		for _, node := range nodes {
			if !node.cache.Drop(rejected, token.Rejection{}) {
				t.Error("not dropped")
			}
			replaced = append(replaced, node.get(t))
			synctest.Wait()
		}
		if replaced[0] != replaced[1] || replaced[0] == rejected || source.count() != 2 {
			t.Errorf("%v then %v, %d calls", rejected, replaced, source.count())
		}
	})
}

// A token that has expired by the time it arrives is not stored.
func TestAnExpiredTokenIsNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(bubbleAge)
		storage, source := newMemory(), &backend{lifetime: time.Minute, takes: 2 * time.Minute}
		node := newNode(t, storage, source.ask, 0)
		if got, err := node.cache.Get(t.Context(), node.source); !errors.Is(err, token.ErrExpired) {
			t.Errorf("got %v, %v", got, err)
		}
		synctest.Wait()
		if stored, ok := storage.get(testKey); ok {
			t.Errorf("stored %s", stored)
		}
	})
}

// A record or a lock that another gateway has removed meanwhile is no failure.
func TestWhatIsGoneNeedNotBeRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storage, source, node := loneNode(t)
		node.get(t)
		synctest.Wait()
		time.Sleep(testLifetime)
		source.fail(token.ErrRefused)
		storage.fault = func(operation string) error {
			if operation == "delete" || operation == "unlock" {
				return &fs.PathError{Op: "remove", Err: fs.ErrNotExist}
			}
			return nil
		}
		if _, err := node.cache.Get(t.Context(), node.source); !errors.Is(err, token.ErrRefused) {
			t.Errorf("got %v", err)
		}
		synctest.Wait()
		node.checkReports(t)
	})
}
