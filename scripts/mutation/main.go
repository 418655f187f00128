// Command mutation takes each guard out of the code, several at a time in copies
// of it, and checks that their tests fail. It shows that the tests in the table of
// server/docs/faults.md notice when a promise is broken.
//
// A guard is a comment on the line above the statement that keeps the promise,
// or at the end of the statement's first line:
//
//	//guard:NAME [TEST]... [=> REPLACEMENT]
//
// NAME names the mutation; guards with the same name are taken out together,
// for promises that are kept twice. Each TEST, in the form of go test -run, must
// fail without them; it is looked up in the guard's own package, else in the
// only package that has it.
//
// Without a replacement, conditions become false, operands of && and || neutral,
// and other statements, functions and elements of literals are left out. With
// one, the condition, assigned value, returned values, call, range or received
// channel is replaced.
//
// The changed code is an overlay of the build: no file is touched.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

func main() {
	pattern := flag.String("run", "", "only guards whose name, test or file matches this regular expression")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), `usage: go run ./scripts/mutation [-run PATTERN]

Takes each guard out of the code, in an overlay, and runs its tests, which must
fail or hang; as many guards at a time as there are cores. All of them take about
40 minutes on two cores; tests of full disks need root.

exit code: 0 if every test failed without its guard, else 1

`)
		flag.PrintDefaults()
	}
	flag.Parse()
	chosen, err := regexp.Compile(*pattern)
	if err == nil {
		err = check(chosen)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutation:", err)
		os.Exit(1)
	}
}

// check runs the mutations that a pattern matches.
func check(pattern *regexp.Regexp) error {
	module, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return fmt.Errorf("find the module: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(module)))
	all, err := mutations(root)
	if err != nil {
		return err
	}
	chosen := slices.DeleteFunc(all, func(m mutation) bool { return !m.matches(pattern) })
	r := runner{root: root, limits: map[test]time.Duration{}}
	if err := r.runUnchanged(chosen); err != nil {
		return err
	}
	var bad atomic.Int64
	var running errgroup.Group
	running.SetLimit(runtime.NumCPU())
	for _, m := range chosen {
		running.Go(func() error {
			unnoticed, err := r.runWithout(m)
			bad.Add(int64(unnoticed))
			return err
		})
	}
	if err := running.Wait(); err != nil {
		return err
	}
	if bad.Load() > 0 || len(chosen) == 0 {
		return fmt.Errorf("%d mutations; %d tests do not notice that their guard is gone", len(chosen), bad.Load())
	}
	fmt.Printf("%d mutations, each noticed by all of its tests\n", len(chosen))
	return nil
}
