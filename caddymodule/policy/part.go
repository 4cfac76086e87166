// SPDX-License-Identifier: Apache-2.0

package policy

// Part is what the header of a part says, under every reading of some server.
type Part struct {
	Name      []byte
	File      bool
	FileNames []string
	Types     []string
	Doubtful  bool
	Nested    bool
	Encoded   bool
}
