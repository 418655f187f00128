package queue

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"upscaled/models/fault"
	"upscaled/server/queue/blob"
	"upscaled/server/queue/integrity"
)

// vital are the streams without which a server does not start, by their contents.
// Work items are made again from the jobs, and images are checked when they are
// read.
var vital = map[string]string{
	"KV_" + accountsBucket: "API keys and credits (without keys every call is accepted)", "KV_" + secretsBucket: "secrets", "KV_" + jobsBucket: "jobs",
	"KV_" + uploadsBucket: "uploads", deliveryStream: "webhook calls",
	"KV_" + onceBucket: "idempotency keys (without them repeated requests are charged again)",
}

// historian keeps the history of an embedded server's streams.
type historian struct {
	dir, store string
	log        *slog.Logger

	mutex   sync.Mutex
	last    map[string]uint64 // sequence numbers of the newest messages, by stream
	changed chan struct{}     // a stream went further
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// openHistory checks the streams against their history. It also finds that the
// folder cannot be written.
func openHistory(dir string, log *slog.Logger) (*historian, error) {
	h := &historian{
		dir: dir, store: filepath.Join(dir, storeFolder), log: log, last: map[string]uint64{},
		changed: make(chan struct{}, 1), stop: func() {},
	}
	history, err := integrity.Load(dir)
	if err != nil {
		log.Error("the history of the streams cannot be read and begins again", "file", filepath.Join(dir, integrity.FileName), "error", err)
	}
	damaged, err := history.Check(h.store, func(stream string) bool { return stream == blob.StreamName })
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The data folder %s cannot be read: check its disk and its owner.", dir)
	}
	for _, d := range damaged {
		//guard:damage-refused TestDamagedFolder => false
		if what, refused := vital[d.Stream]; refused && d.Certain {
			return nil, fault.New(fault.Invalid, "The file %s, which holds %s, is damaged (%s): restore the data folder from a backup, or delete %s to go on with what is left.",
				d.File, what, d.Reason, filepath.Join(dir, integrity.FileName))
		}
		log.Error("a file of the data folder is damaged, and what it held is lost", "file", d.File, "reason", d.Reason)
		delete(history.Streams, d.Stream)
	}
	dropped, err := history.DropConsumers(h.store)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The data folder %s cannot be written: choose another with --data.", dir)
	}
	for _, folder := range dropped {
		log.Error("a consumer of the data folder is damaged and made again", "file", folder)
	}
	for name, s := range history.Streams {
		h.last[name] = s.Last
	}
	history.Clean = false
	err = history.Save(dir)
	//guard:full-folder TestKeysOnFullDisk
	if errors.Is(err, syscall.ENOSPC) {
		return nil, fault.Wrap(fault.Invalid, err, "The disk of the data folder %s is full: free some space.", dir)
	}
	//guard:read-only-folder TestReadOnlyFolder
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The data folder %s cannot be written: choose another with --data.", dir)
	}
	return h, nil
}

// historyInterval bounds the age of a running server's history. Changes of accounts, jobs
// and idempotency keys are written at once.
const historyInterval = time.Second

// follow records how far the server's streams go, until close.
func (h *historian) follow(s *server.Server) {
	ctx, stop := context.WithCancel(context.Background())
	h.stop = stop
	h.done.Go(func() {
		ticker := time.NewTicker(historyInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				h.observe(s)
			case <-h.changed:
				h.save(false)
			case <-ctx.Done():
				return
			}
		}
	})
}

// note records that a stream went as far as a message that is stored.
func (h *historian) note(stream string, last uint64) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.last[stream] >= last {
		return
	}
	h.last[stream] = last
	select {
	case h.changed <- struct{}{}:
	default:
	}
}

// wrote records that a revision of a bucket is stored, so that its loss is noticed.
func (c *Connection) wrote(bucket string, revision uint64) {
	if c.history != nil {
		c.history.note("KV_"+bucket, revision)
	}
}

// observe notes the streams' present state.
func (h *historian) observe(s *server.Server) {
	account, err := s.JszAccount(&server.JSzOptions{Account: server.DEFAULT_GLOBAL_ACCOUNT, Streams: true})
	if err != nil {
		return // it is about to stop
	}
	for _, stream := range account.Streams {
		h.note(stream.Name, stream.State.LastSeq)
	}
}

// save writes the history. ended reports whether the server has, so that its files
// stay as they are.
func (h *historian) save(ended bool) {
	h.mutex.Lock()
	last := maps.Clone(h.last)
	h.mutex.Unlock()
	blocks, err := integrity.Blocks(h.store)
	if err == nil {
		history := integrity.History{Clean: ended, Streams: map[string]integrity.Stream{}}
		for name, last := range last {
			history.Streams[name] = integrity.Stream{Last: last, Blocks: blocks[name]}
		}
		err = history.Save(h.dir)
	}
	if err != nil {
		h.log.Error("the history of the streams is not up to date", "error", err)
	}
}

// close ends follow. It may be repeated.
func (h *historian) close(s *server.Server) {
	h.stop()
	h.done.Wait()
	h.observe(s)
}
