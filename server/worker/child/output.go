package child

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os/exec"
	"runtime"
	"sync/atomic"
)

// ErrMemory means that a process exceeded its memory and was killed.
var ErrMemory = errors.New("the process exceeds its memory limit and is killed")

// maxOutput bounds the kept part of each of a process's streams, in bytes.
const maxOutput = 1 << 20

// Output runs a process to its end and returns its output. It is killed when ctx
// ends, when this process ends (Linux) or when it takes more memory, in bytes, which
// is ErrMemory; 0 is no bound.
func Output(ctx context.Context, command *exec.Cmd, memory int64) (stdout, stderr string, err error) {
	runtime.LockOSThread() // see dieWithParent
	defer runtime.UnlockOSThread()
	var out, said bytes.Buffer
	command.Stdout, command.Stderr = &bounded{&out, maxOutput}, &bounded{&said, maxOutput}
	command.WaitDelay = exitLimit
	dieWithParent(command)
	if err := command.Start(); err != nil {
		return "", "", err
	}
	kill := func() { _ = command.Process.Kill() }
	defer context.AfterFunc(ctx, kill)()
	var exceeded atomic.Bool
	unwatch := watchMemory(command.Process.Pid, memory, memoryPause, func(int64) {
		exceeded.Store(true)
		kill()
	})
	err = command.Wait()
	unwatch()
	switch {
	case err != nil && exceeded.Load():
		err = ErrMemory
	case err != nil && ctx.Err() != nil:
		err = ctx.Err()
	}
	return out.String(), said.String(), err
}

// bounded keeps the first bytes written to it and drops the rest.
type bounded struct {
	to   io.Writer
	left int
}

func (b *bounded) Write(p []byte) (int, error) {
	kept := p[:min(len(p), b.left)]
	b.left -= len(kept)
	if _, err := b.to.Write(kept); err != nil {
		return 0, err
	}
	return len(p), nil
}
