// SPDX-License-Identifier: Apache-2.0

package project

import (
	"strings"
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

func TestDefaults(t *testing.T) {
	project := MustProject(t, OnlyProject)
	if project.threshold != 10*time.Minute || project.source.(*source.SecretKey).TokenLifetime() != 30*time.Minute {
		t.Errorf("threshold %s, lifetime %s", project.threshold, project.source.(*source.SecretKey).TokenLifetime())
	}
	zero := MustProject(t, `{"projects":[{"public_key":"p","threshold":0,"source":{"module":"secret_key","keys":["s"]}}]}`)
	if zero.threshold != 0 {
		t.Errorf("a threshold of 0 became %s", zero.threshold)
	}
}

// Invariant 8, in part: the pool's keys do not show what they are made from.
func TestInvariant8CacheKeysDoNotHoldTheSecret(t *testing.T) {
	MustProject(t, OnlyProject)
	tokenPool.Range(func(key, _ any) bool {
		if strings.Contains(key.(string), fixture.Secret) {
			t.Errorf("key %s", key)
		}
		return true
	})
}
