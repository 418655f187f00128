package codec

// #cgo LDFLAGS: -ldl
import "C" // compiles the C files, which run in children only

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"syscall"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// run has a child do a request on data and passes the records it writes to take.
func run(f imagedata.Format, q request, data [5][]byte, take func(name string, size int64, r io.Reader) error) error {
	q.Format, q.Threads = int32(slices.Index(Formats(), f)), threads
	var head bytes.Buffer
	parts := []io.Reader{&head}
	for i, part := range data {
		q.Sizes[i] = int64(len(part))
		parts = append(parts, bytes.NewReader(part))
	}
	if err := binary.Write(&head, binary.NativeEndian, q); err != nil {
		return err
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{"upscaled-codec"} // child_name in child_linux.c
	cmd.Stdin = io.MultiReader(parts...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start a codec: %w", err)
	}
	err = records(f, out, take)
	if err != nil && !errors.Is(err, io.EOF) {
		_ = cmd.Process.Kill()
	}
	ended := cmd.Wait()
	if errors.Is(err, io.EOF) {
		return died(f, q, ended)
	}
	if _, known := errors.AsType[*fault.Error](err); err == nil || known || q.Verb == encode {
		return err
	}
	return damaged(f, err)
}

// died explains the end of a child that reported nothing. Most libraries end the
// process if they get no memory.
func died(f imagedata.Format, q request, ended error) error {
	cause := fmt.Errorf("codec ended: %v", ended)
	if exit, ok := errors.AsType[*exec.ExitError](ended); ok {
		status, ok := exit.Sys().(syscall.WaitStatus)
		if ok && status.Signaled() && (status.Signal() == syscall.SIGXCPU || status.Signal() == syscall.SIGKILL) {
			return fault.Wrap(fault.TooLarge, cause, "The %s image takes longer than %d seconds; use a smaller one.", f.Name(), q.Seconds)
		}
	}
	if q.Verb == encode {
		return fault.Wrap(fault.Internal, cause, "The %s encoder failed; use png instead.", f.Name())
	}
	return fault.Wrap(fault.Invalid, cause, "The %s file is damaged, or decoding it takes more than %d MiB of memory.", f.Name(), q.Memory>>20)
}
