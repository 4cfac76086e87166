// SPDX-License-Identifier: Apache-2.0

package source

// CheckSecretKeys returns the error with which a [SecretKey] of these keys would not load: of
// the first key that cannot be read, or that does not look like one. Without keys, it checks
// the default. No credential is made.
func CheckSecretKeys(keys []string) error {
	if len(keys) == 0 {
		keys = []string{defaultSecretKey}
	}
	for _, key := range keys {
		if _, err := newCleanSetting("secret_key", key, cleanSecret); err != nil {
			return err
		}
	}
	return nil
}
