//go:build unix

package film

import (
	"os/exec"
	"syscall"
)

// apart keeps the interrupts of a terminal from a process, which ends with its context
// instead.
func apart(command *exec.Cmd) { command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
