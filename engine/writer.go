package engine

import (
	"time"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/encode"
)

// item is a step of writing: the start of a frame or a band of it.
type item struct {
	begin  bool
	delay  time.Duration
	planes []imagedata.Raster
}

// writer feeds an encoder from its own goroutine, so that encoding overlaps
// the network. One band waits at most: more would only hold memory.
type writer struct {
	items chan item
	done  chan struct{}
	err   error
	spent time.Duration
	pool  *pool // takes written bands back
}

func newWriter(encoder encode.Encoder, pool *pool) *writer {
	w := &writer{items: make(chan item), done: make(chan struct{}), pool: pool}
	go w.run(encoder)
	return w
}

func (w *writer) run(encoder encode.Encoder) {
	defer close(w.done)
	for i := range w.items {
		started := time.Now()
		//guard:write-errors TestFullDisk => func() bool { w.err = nil; return false }()
		if w.err = write(encoder, i); w.err != nil {
			break
		}
		w.spent += time.Since(started)
		w.pool.put(i.planes...)
	}
	if w.err == nil {
		started := time.Now()
		w.err = encoder.Close()
		w.spent += time.Since(started)
	}
}

func write(encoder encode.Encoder, i item) error {
	switch {
	case i.begin:
		return encoder.BeginFrame(i.delay)
	case i.planes == nil:
		return errAbandoned
	case len(i.planes) > 1:
		return encoder.WriteBand(i.planes[0], &i.planes[1])
	}
	return encoder.WriteBand(i.planes[0], nil)
}

// send hands an item over, or tells why encoding ended.
func (w *writer) send(i item) error {
	select {
	case w.items <- i:
		return nil
	case <-w.done:
		return w.err
	}
}

func (w *writer) bands(planes []imagedata.Raster) error { return w.send(item{planes: planes}) }

// finish waits for the encoder. An abandoned file is not completed.
func (w *writer) finish(abandoned bool) error {
	if abandoned {
		_ = w.send(item{})
	}
	close(w.items)
	<-w.done
	return w.err
}
