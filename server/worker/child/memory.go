package child

import (
	"time"
)

// memoryPause is how often a child's memory is checked.
const memoryPause = 100 * time.Millisecond

// watchMemory kills the child if it exceeds its memory. Its images are retried
// alone, so that only one that needs too much by itself fails. stop ends the watch.
//
// No kernel limit that works without root fits: RLIMIT_AS counts addresses, of
// which CUDA reserves more than any machine has memory, and a control group has to
// be delegated.
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
				p.options.Log.Error("the engine's process exceeds its memory limit and is killed", "bytes", used, "limit", p.options.Memory)
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
