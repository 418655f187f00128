package engine

import (
	"context"
	"sync"
	"time"

	"upscaled/models/fault"
	"upscaled/models/network"
)

// sessionKey identifies a session: the model and the graph made of it.
type sessionKey struct {
	network string
	options network.Options
}

// entry is a cached session. It is closed once it is unused and has left the cache.
type entry struct {
	session Session
	err     error
	opened  chan struct{}
	users   int
	evicted bool
	used    int64
	// left is when it was last used.
	left time.Time
}

// sessions caches the open sessions of a device. It may be used concurrently.
type sessions struct {
	runtime Runtime
	limit   int
	// idle is how long sessions other than the last used one stay open unused,
	// because large images' sessions hold much of a GPU's memory. 0 keeps them.
	idle    time.Duration
	mutex   sync.Mutex
	clock   int64
	entries map[sessionKey]*entry
	sweep   *time.Timer // nil while nothing waits to be closed
}

func newSessions(r Runtime, limit int, idle time.Duration) *sessions {
	return &sessions{runtime: r, limit: limit, idle: idle, entries: map[sessionKey]*entry{}}
}

// get returns the session for a graph and opens it on first use. The caller calls
// release.
func (s *sessions) get(ctx context.Context, net *network.Network, o network.Options) (Session, func(), error) {
	key := sessionKey{net.ID(), o}
	s.mutex.Lock()
	e, found := s.entries[key]
	if !found {
		e = &entry{opened: make(chan struct{})}
		s.entries[key] = e
	}
	e.users++
	s.clock++
	e.used = s.clock
	s.mutex.Unlock()
	if !found {
		s.shrink()
		e.session, e.err = s.runtime.Open(ctx, net, o)
		if e.err != nil {
			s.forget(key, e)
		}
		close(e.opened)
	}
	select {
	case <-e.opened:
	case <-ctx.Done():
		s.release(e)
		return nil, nil, ctx.Err()
	}
	if e.err != nil {
		s.release(e)
		//guard:foreign-cancel TestCanceledBeside => false
		if found && fault.KindOf(e.err) == fault.Canceled && ctx.Err() == nil {
			return s.get(ctx, net, o) // the image that opened it was canceled, not this one
		}
		return nil, nil, e.err
	}
	return e.session, func() { s.release(e) }, nil
}

// has reports whether a graph's session is open or being opened.
func (s *sessions) has(net *network.Network, o network.Options) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.entries[sessionKey{net.ID(), o}] != nil
}

func (s *sessions) forget(key sessionKey, e *entry) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.entries[key] == e {
		delete(s.entries, key)
	}
	e.evicted = true
}

func (s *sessions) release(e *entry) {
	s.mutex.Lock()
	e.users--
	e.left = time.Now()
	closing := e.users == 0 && e.evicted && e.session != nil
	s.arm()
	s.mutex.Unlock()
	if closing {
		_ = e.session.Close()
	}
}

// arm schedules the closing of idle sessions. The caller holds the mutex.
func (s *sessions) arm() {
	if s.idle > 0 && s.sweep == nil && len(s.entries) > 1 {
		s.sweep = time.AfterFunc(s.idle, s.closeIdle)
	}
}

// closeIdle closes the sessions that were unused for the idle time, except for the
// one used last.
func (s *sessions) closeIdle() {
	var closing []Session
	s.mutex.Lock()
	s.sweep = nil
	now := time.Now()
	for key, e := range s.entries {
		if e.users == 0 && e.used != s.clock && e.session != nil && now.Sub(e.left) >= s.idle {
			delete(s.entries, key)
			e.evicted = true
			closing = append(closing, e.session)
		}
	}
	s.arm()
	s.mutex.Unlock()
	for _, session := range closing {
		_ = session.Close()
	}
}

// stop cancels the closing of idle sessions.
func (s *sessions) stop() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.idle = 0
	if s.sweep != nil {
		s.sweep.Stop()
	}
}

// shrink evicts the least recently used sessions beyond the limit, clear all of
// them.
func (s *sessions) shrink()    { s.evict(s.limit) }
func (s *sessions) clear() int { return s.evict(0) }

// evict returns the number of sessions before.
func (s *sessions) evict(keep int) int {
	var closing []Session
	s.mutex.Lock()
	count := len(s.entries)
	for len(s.entries) > keep {
		var oldest sessionKey
		first := true
		for key, e := range s.entries {
			if first || e.used < s.entries[oldest].used {
				oldest, first = key, false
			}
		}
		e := s.entries[oldest]
		delete(s.entries, oldest)
		e.evicted = true
		if e.users == 0 && e.session != nil {
			closing = append(closing, e.session)
		}
	}
	s.mutex.Unlock()
	for _, session := range closing {
		_ = session.Close()
	}
	return count
}
