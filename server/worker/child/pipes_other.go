//go:build !unix

package child

import (
	"os"
	"os/exec"
)

// connect sets a command's ends of the pipes: its standard streams, since nothing
// else can be inherited here.
func connect(command *exec.Cmd) (ours, childEnds ends, err error) {
	ours, childEnds, err = pair()
	command.Stdin, command.Stdout = childEnds.requests, childEnds.replies
	return ours, childEnds, err
}

// Pipes returns the child's ends of the pipes.
func Pipes() (requests, replies *os.File, err error) { return os.Stdin, os.Stdout, nil }
