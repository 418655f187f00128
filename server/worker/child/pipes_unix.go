//go:build unix

package child

import (
	"os"
	"os/exec"
	"syscall"

	"upscaled/models/fault"
)

// repliesDescriptor is the first of exec.Cmd's ExtraFiles. Standard output is left
// to native code, which may write there.
const repliesDescriptor = 3

// connect sets a command's ends of the pipes: requests arrive on standard input.
func connect(command *exec.Cmd) (ours, childEnds ends, err error) {
	ours, childEnds, err = pair()
	command.Stdin = childEnds.requests
	command.ExtraFiles = []*os.File{childEnds.replies}
	return ours, childEnds, err
}

// Pipes returns the child's ends of the pipes. It fails with fault.Invalid in a
// process that no Engine has started.
func Pipes() (requests, replies *os.File, err error) {
	for _, descriptor := range []int{0, repliesDescriptor} {
		var stat syscall.Stat_t
		if err := syscall.Fstat(descriptor, &stat); err != nil || stat.Mode&syscall.S_IFMT != syscall.S_IFIFO {
			return nil, nil, fault.New(fault.Invalid, "This is a part of 'upscaled serve' and 'upscaled worker', which start it themselves.")
		}
	}
	syscall.CloseOnExec(repliesDescriptor) // programs that the child starts would keep it open
	return os.Stdin, os.NewFile(repliesDescriptor, "replies"), nil
}
