// SPDX-License-Identifier: Apache-2.0

// Command typecheck checks packages, and all that they import, for GOOS and GOARCH, as a
// compiler does before it makes code. That takes a fraction of the time of `go vet`, which has
// all that is imported compiled.
//
//	typecheck DIRECTORY PATTERN...
package main

import (
	"fmt"
	"os"

	"golang.org/x/tools/go/packages"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: typecheck DIRECTORY PATTERN...")
		os.Exit(2)
	}
	loaded, err := packages.Load(&packages.Config{Mode: packages.LoadAllSyntax, Dir: os.Args[1]}, os.Args[2:]...)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if packages.PrintErrors(loaded) > 0 {
		os.Exit(1)
	}
	fmt.Printf("packages: %d\n", len(loaded))
}
