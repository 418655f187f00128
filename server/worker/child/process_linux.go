package child

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// dieWithParent has Linux kill the child when the thread that starts it ends,
// which is the parent's end in any way. The caller locks its goroutine to it.
func dieWithParent(command *exec.Cmd) {
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	//guard:child-dies-with-parent TestKilledParent TestHostEnds TestKilledEngine
	command.SysProcAttr.Pdeathsig = syscall.SIGKILL
}

// OfferToMemoryKiller makes the kernel take this process before its parent,
// which has the store and all accepted jobs, when memory runs out. Where that
// is not allowed nothing changes.
func OfferToMemoryKiller() {
	const adjustment = "500" // of -1000 to 1000; raising it needs no right
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte(adjustment), 0o644)
}

// MemoryIsKnown says whether Options.Memory can be kept here.
const MemoryIsKnown = true

// memoryOf is how many bytes of a process's own are in memory: without those
// of files, such as libraries and networks, which the kernel can drop.
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
