package child

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"upscaled/engine"
)

// call is one request to the child. The goroutine that reads replies fills it in;
// the caller owns it once done is closed.
type call struct {
	// answer is the kind of the last reply, unless it is a failure.
	answer kind
	done   chan struct{}
	// moved signals progress that was not reported yet.
	moved chan struct{}

	mutex    sync.Mutex
	progress engine.Progress

	output  [][]byte
	size    int64
	result  engine.Result
	devices []engine.DeviceUse
	err     error
}

func newCall(answer kind) *call {
	return &call{answer: answer, done: make(chan struct{}), moved: make(chan struct{}, 1)}
}

// take takes a reply and reports whether it was the last one.
func (c *call) take(f frame) (ended bool, err error) {
	if (f.kind == kindResult || f.kind == kindDeviceList) && f.kind != c.answer {
		return false, fmt.Errorf("a frame of kind %d in place of %d", f.kind, c.answer)
	}
	switch f.kind {
	case kindProgress:
		p, ok := decodeProgress(f.payload)
		if !ok {
			return false, errors.New("a progress of another length")
		}
		c.mutex.Lock()
		c.progress = p
		c.mutex.Unlock()
		select {
		case c.moved <- struct{}{}:
		default: // only the newest is reported
		}
		return false, nil
	case kindOutput:
		if c.size += int64(len(f.payload)); c.size > maxImage {
			return false, fmt.Errorf("a result of more than %d bytes", maxImage)
		}
		c.output = append(c.output, f.payload)
		return false, nil
	case kindResult:
		return true, json.Unmarshal(f.payload, &c.result)
	case kindDeviceList:
		return true, json.Unmarshal(f.payload, &c.devices)
	case kindFailure:
		said, err := decodeFailure(f.payload)
		if err != nil {
			return false, err
		}
		c.err, c.output = said, nil
		return true, nil
	}
	return false, fmt.Errorf("a frame of kind %d makes no sense here", f.kind)
}

// wait returns when the call is done and reports progress meanwhile.
func (c *call) wait(progress func(engine.Progress)) {
	for {
		select {
		case <-c.moved:
			c.report(progress)
		case <-c.done:
			select {
			case <-c.moved:
				c.report(progress)
			default:
			}
			return
		}
	}
}

func (c *call) report(progress func(engine.Progress)) {
	c.mutex.Lock()
	p := c.progress
	c.mutex.Unlock()
	if progress != nil {
		progress(p)
	}
}

func (c *call) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// deliver writes the whole result and frees each piece once it is written, so that
// a result is in memory twice at most.
func (c *call) deliver(to io.Writer) error {
	if buffer, ok := to.(interface{ Grow(int) }); ok {
		buffer.Grow(int(c.size))
	}
	for i, piece := range c.output {
		if _, err := to.Write(piece); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
		c.output[i] = nil
	}
	return nil
}
