//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// group runs a command in a process group of its own and returns a function
// that kills it, so that no process of a test without its guard is left.
func group(command *exec.Cmd) (end func()) {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	end = func() {
		if command.Process != nil {
			_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) // it may have ended
		}
	}
	command.Cancel = func() error { end(); return nil }
	return end
}
