//go:build unix

package film

import (
	"os/exec"
	"syscall"
)

// apart keeps the interrupts of a terminal from a process: whoever started it ends it,
// by its context.
func apart(command *exec.Cmd) { command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
