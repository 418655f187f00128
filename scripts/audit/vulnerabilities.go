package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// vulnerabilities runs govulncheck on the program, its tools and tests. It is
// built first, as go run would hide its exit code.
func vulnerabilities(ctx context.Context, database, tools string) (string, error) {
	if tools == "" {
		temporary, err := os.MkdirTemp("", "audit")
		if err != nil {
			return "", err
		}
		defer os.RemoveAll(temporary)
		tools = temporary
	}
	tools, err := filepath.Abs(tools)
	if err != nil {
		return "", err
	}
	install := exec.CommandContext(ctx, "go", "install", scanner)
	install.Env = append(os.Environ(), "GOBIN="+tools)
	if said, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go install %s: %w\n%s", scanner, err, said)
	}
	return scan(ctx, filepath.Join(tools, "govulncheck"), database, "./...")
}

// scan runs the scanner on packages of the current folder.
func scan(ctx context.Context, program, database string, packages ...string) (string, error) {
	arguments := []string{"-test"}
	if database != "" {
		arguments = append(arguments, "-db", database)
	}
	command := exec.CommandContext(ctx, program, append(arguments, packages...)...)
	var out, wrong bytes.Buffer
	command.Stdout, command.Stderr = &out, &wrong
	return judge(command.Run(), out.String(), wrong.String())
}

// unreachable are a network's ways of having no path to the database, as Go
// words them. Others, such as a certificate of somebody else or an answer that
// is no database, are no reason to go on.
var unreachable = regexp.MustCompile(`^govulncheck: fetching vulnerabilities: Get "[^"]*": (.*: )?(EOF|` +
	`connection refused|connection reset by peer|i/o timeout|network is unreachable|no route to host|no such host|server misbehaving|TLS handshake timeout)\s*$`)

// judge tells what a run of govulncheck means: findings have the exit code 3,
// and everything else that goes wrong has 1.
func judge(err error, out, wrong string) (string, error) {
	var exit *exec.ExitError
	switch {
	case err == nil && strings.Contains(out, "No vulnerabilities found"):
		return "none known in what is called", nil
	case err == nil:
		return "", fmt.Errorf("govulncheck said nothing that is known:\n%s%s", out, wrong)
	case !errors.As(err, &exit):
		return "", fmt.Errorf("run govulncheck: %w", err)
	case exit.ExitCode() == 3:
		return "", fmt.Errorf("found\n%s", out)
	case exit.ExitCode() == 1 && unreachable.MatchString(wrong):
		return "NOT CHECKED: the database cannot be reached from here", nil
	}
	return "", fmt.Errorf("govulncheck: %w\n%s%s", err, out, wrong)
}
