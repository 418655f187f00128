//go:build !unix

package child

import (
	"os"
	"os/exec"
)

// connect gives a command its ends of the pipes: its standard streams, since
// nothing else is passed on here.
func connect(command *exec.Cmd) (ours, theirs ends, err error) {
	ours, theirs, err = pair()
	command.Stdin, command.Stdout = theirs.requests, theirs.replies
	return ours, theirs, err
}

// Pipes are the child's ends of the pipes.
func Pipes() (requests, replies *os.File, err error) { return os.Stdin, os.Stdout, nil }
