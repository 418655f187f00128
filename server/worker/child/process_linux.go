package child

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// dieWithParent has Linux kill the child when the thread that starts it ends,
// however the parent ends. The caller locks its goroutine to the thread.
func dieWithParent(command *exec.Cmd) {
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	//guard:child-dies-with-parent TestKilledParent TestHostEnds TestKilledEngine
	command.SysProcAttr.Pdeathsig = syscall.SIGKILL
}

// OfferToMemoryKiller makes the kernel kill this process before its parent, which
// has the store and all accepted jobs, when memory runs out. Without the permission
// it does nothing.
func OfferToMemoryKiller() {
	const adjustment = "500" // of -1000 to 1000; raising it needs no right
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte(adjustment), 0o644)
}

// MemoryIsKnown reports whether Options.Memory works here.
const MemoryIsKnown = true

// memoryOf returns the bytes of a process's own resident memory, without files such
// as libraries and models, which the kernel can drop.
func memoryOf(process int) (bytes int64, known bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", process))
	if err != nil {
		return 0, false // it has ended
	}
	var size, resident, shared int64 // in pages
	if _, err := fmt.Sscan(string(text), &size, &resident, &shared); err != nil {
		return 0, false
	}
	return (resident - shared) * int64(os.Getpagesize()), true
}
