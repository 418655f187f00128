package child

import (
	"time"
)

// memoryPause is how often a bounded child's memory is looked at. What it takes
// in between goes beyond the bound.
const memoryPause = 100 * time.Millisecond

// watchMemory kills the child when it has more memory than it may. What it had
// in work is tried again alone, so that only a picture that needs so much by
// itself fails. The function it gives ends the watch.
//
// A limit of the kernel's would be better, and there is none without root that
// fits: RLIMIT_AS counts addresses, of which CUDA reserves more than any
// machine has memory, and a control group needs one that was delegated.
func (p *process) watchMemory(pause time.Duration) (stop func()) {
	if p.options.Memory == 0 {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(pause)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
			}
			//guard:child-memory TestGreedyPicture
			if used, known := memoryOf(p.command.Process.Pid); known && used > p.options.Memory {
				p.options.Log.Error("the engine's process takes more memory than it may; it is ended", "bytes", used, "limit", p.options.Memory)
				p.kill()
				return
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}
