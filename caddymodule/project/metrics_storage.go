// SPDX-License-Identifier: Apache-2.0

package project

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// storageState is what a project knows of the storage through which it shares its tokens.
type storageState = int32

const (
	notShared storageState = iota
	storageUp
	storageDown
)

// watchedPairs are the static credentials of all loaded configs. They are not pooled: a
// pair that has been replaced must not be shown beside the next one for longer than its
// config lives.
var watchedPairs sync.Map // of *expiryWatch

// collectPairs reports when static credentials expire. Unlike cached tokens they are shown
// without uploads, and after their expiry: only the operator can replace one.
func (c *collector) collectPairs(collected chan<- prometheus.Metric) {
	expiries := make(map[string]int64)
	watchedPairs.Range(func(watched, _ any) bool {
		watch := watched.(*expiryWatch)
		// After a reload, uploads of the old config may be under way for long: its pair
		// must not hide that another stands in its place.
		if held, err := heldBy(watch.fixed); err == nil {
			name := watch.project.publicKey
			expiries[name] = max(expiries[name], held.Expire)
		}
		return true
	})
	for project, expire := range expiries {
		collected <- prometheus.MustNewConstMetric(c.pairs, prometheus.GaugeValue, float64(expire), project)
	}
}

// collectStorages reports which projects can share their tokens.
func (c *collector) collectStorages(collected chan<- prometheus.Metric) {
	up := make(map[string]float64)
	tokenPool.Range(func(_, pooled any) bool {
		credentials := pooled.(*credentials)
		switch credentials.storage.Load() {
		case storageDown:
			up[credentials.project] = 0
		case storageUp:
			// One that is down must not be hidden by another that is up.
			if _, known := up[credentials.project]; !known {
				up[credentials.project] = 1
			}
		}
		return true
	})
	for project, value := range up {
		collected <- prometheus.MustNewConstMetric(c.storage, prometheus.GaugeValue, value, project)
	}
}
