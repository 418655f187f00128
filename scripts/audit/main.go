// Command audit checks what this repository builds on: that modules are what
// go.sum says and go.mod is tidy, that no known vulnerability is called, and
// that every licence is one that the program may contain or its tests may use.
//
// It needs the go command and the module cache, and the network for the
// database of vulnerabilities; where that cannot be reached it says so in one
// line and goes on, as everything else can still be checked.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

// scanner is the program that looks for known vulnerabilities.
const scanner = "golang.org/x/vuln/cmd/govulncheck@v1.8.0"

func main() {
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), `usage: go run ./scripts/audit [-db URL] [-tools FOLDER] [npm folder]...

Checks go.sum, go.mod, known vulnerabilities and licences of this module, and
licences of packages that npm has installed in the folders named.

exit code: 0, or 1 when something was found; all checks run in either case.`)
		flag.PrintDefaults()
	}
	database := flag.String("db", "", "database of vulnerabilities, https:// or file://, instead of Go's own")
	tools := flag.String("tools", "", "folder to install govulncheck into and keep it (default: a temporary one)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if !audit(ctx, *database, *tools, flag.Args()) {
		os.Exit(1)
	}
}

// audit runs all checks in the current folder, tells of each in one line and
// gives whether all of them are fine.
func audit(ctx context.Context, database, tools string, npm []string) bool {
	fine := true
	check := func(name string, run func() (string, error)) {
		said, err := run()
		if err != nil {
			fine = false
			fmt.Printf("audit: %s: %v\n", name, err)
			return
		}
		fmt.Printf("audit: %s: %s\n", name, said)
	}
	check("go.sum", func() (string, error) { return goCommand(ctx, "mod", "verify") })
	check("go.mod", func() (string, error) { return tidy(ctx) })
	check("licences of modules", func() (string, error) { return moduleLicences(ctx) })
	for _, folder := range npm {
		check("licences in "+folder, func() (string, error) { return npmLicences(folder) })
	}
	check("vulnerabilities", func() (string, error) { return vulnerabilities(ctx, database, tools) })
	return fine
}
