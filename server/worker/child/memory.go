package child

import (
	"time"
)

// memoryPause is how often a child's memory is checked.
const memoryPause = 100 * time.Millisecond

// watchMemory kills the child if it exceeds its memory. Its images are retried
// alone, so that only an image that needs too much on its own fails. stop ends the watch.
func (p *process) watchMemory(pause time.Duration) (stop func()) {
	return watchMemory(p.command.Process.Pid, p.options.Memory, pause, func(used int64) {
		p.options.Log.Error("the engine's process exceeds its memory limit and is killed", "bytes", used, "limit", p.options.Memory)
		p.kill()
	})
}

// watchMemory calls exceeded once if a process has more memory than most, in bytes; 0
// is no bound. stop ends the watch.
//
// No kernel limit that works without root fits: RLIMIT_AS counts addresses, of
// which CUDA reserves more than any machine has memory, and a control group has to
// be delegated.
func watchMemory(process int, most int64, pause time.Duration, exceeded func(used int64)) (stop func()) {
	if most == 0 {
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
			//guard:child-memory TestGreedyPicture TestOutput
			if used, known := memoryOf(process); known && used > most {
				exceeded(used)
				return
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}
