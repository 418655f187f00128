// Command cost looks for requests that cost far more than they weigh. It reads the
// server's routes from its OpenAPI document, so that new ones are covered, changes
// valid requests in ways that are known to be expensive, and measures the CPU time
// and the memory of a server in a process of its own.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"slices"
	"strings"
	"time"
)

// A request may cost baseSeconds and baseBytes, and these more for each byte that it
// sends.
const (
	baseSeconds    = 0.3
	secondsPerByte = 1.5 / (1 << 20)
	baseBytes      = 64 << 20
	bytesPerByte   = 48
)

// cost is the cost of a request.
type cost struct {
	name    string // route and mutation
	sent    int
	seconds float64
	memory  int64 // bytes, at its peak
	status  int
}

// share is the cost as a fraction of the permitted cost, above 1 for too much.
func (c cost) share() float64 {
	sent := float64(c.sent)
	return max(c.seconds/(baseSeconds+sent*secondsPerByte), float64(c.memory)/(baseBytes+sent*bytesPerByte))
}

func (c cost) String() string {
	return fmt.Sprintf("%5.0f %%  %7.2f s  %6d MiB  %8d bytes  %3d  %s", 100*c.share(), c.seconds, c.memory>>20, c.sent, c.status, c.name)
}

func main() {
	minutes := flag.Float64("minutes", 1, "how long to run at least; the first pass runs every mutation once")
	tree := flag.String("tree", ".", "working tree of the server to test")
	only := flag.String("only", "", "only routes and mutations whose name contains this text")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), `usage: go run ./scripts/cost [--minutes N] [--tree FOLDER] [--only TEXT]

Sends expensive variants of valid requests to every route of a server with a
stand-in engine. One must not cost more than 0.3 s of CPU and 64 MiB, and 1.5 s and
48 MiB for each MiB that it sends. Prints the most expensive requests. Needs Linux.

exit code: 0 if none costs more, else 1

`)
		flag.PrintDefaults()
	}
	flag.Parse()
	costs, err := measure(*tree, *only, time.Duration(*minutes*float64(time.Minute)))
	report(costs)
	if err != nil {
		fmt.Fprintln(os.Stderr, "cost:", err)
		os.Exit(1)
	}
	if slices.ContainsFunc(costs, func(c cost) bool { return c.share() > 1 }) {
		fmt.Println("FAIL: requests above 100 % cost too much")
		os.Exit(1)
	}
}

// report prints the worst requests, each route and mutation once.
func report(costs []cost) {
	slices.SortFunc(costs, func(a, b cost) int { return cmp.Compare(b.share(), a.share()) })
	fmt.Printf("%d requests; the most expensive, in parts of what they may cost:\n", len(costs))
	seen := map[string]bool{}
	for _, c := range costs {
		if len(seen) < 15 && !seen[c.name] {
			fmt.Println(c)
			seen[c.name] = true
		}
	}
}

// measure runs all mutations once, and random ones until the time is over.
func measure(tree, only string, length time.Duration) (costs []cost, err error) {
	fleet, err := build(tree)
	if err != nil {
		return nil, err
	}
	defer fleet.close()
	until, random := time.Now().Add(length), rand.New(rand.NewSource(time.Now().UnixNano()))
	for pass := 0; pass == 0 || time.Now().Before(until); pass++ {
		routes, err := fleet.routes()
		if err != nil {
			return costs, err
		}
		for _, r := range routes {
			for _, m := range r.mutations() {
				name := r.method + " " + r.path + ": " + m.name
				if !strings.Contains(name, only) || pass > 0 && time.Now().After(until) {
					continue
				}
				size := 1 << 20
				if pass > 0 {
					size = 1 << (12 + random.Intn(11))
				}
				q := m.make(size, random)
				c, err := fleet.send(q)
				if err == nil && c.share() > 1 {
					// Jobs of requests before it may have run at the same time; a new
					// server has none.
					var again cost
					if again, err = fleet.send(q); again.share() < c.share() {
						c = again
					}
				}
				if err != nil {
					return costs, fmt.Errorf("%s: %w", name, err)
				}
				c.name = name
				costs = append(costs, c)
			}
		}
	}
	return costs, nil
}
