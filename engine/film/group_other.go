//go:build !unix

package film

import "os/exec"

// apart does nothing: here, an interrupt ends a process with the program itself.
func apart(*exec.Cmd) {}
