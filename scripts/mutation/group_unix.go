//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// group has a command end with all that it has started: what a test leaves
// running where a protection is missing is not to stay. It gives how.
func group(command *exec.Cmd) (end func()) {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	end = func() {
		if command.Process != nil {
			_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) // nobody may be left
		}
	}
	command.Cancel = func() error { end(); return nil }
	return end
}
