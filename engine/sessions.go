package engine

import (
	"context"
	"sync"
	"time"

	"upscaled/models/network"
)

// sessionKey names a session: the network and the graph made of it.
type sessionKey struct {
	network string
	options network.Options
}

// entry is a cached session. It is closed when nobody uses it and it has left
// the cache.
type entry struct {
	session Session
	err     error
	opened  chan struct{}
	users   int
	evicted bool
	used    int64
	// left is when it was used last.
	left time.Time
}

// sessions caches open sessions. It may be used concurrently.
type sessions struct {
	runtime Runtime
	limit   int
	// idle is how long sessions beside the newest stay open unused: large
	// pictures' hold much of a card's memory. 0 keeps them.
	idle    time.Duration
	mutex   sync.Mutex
	clock   int64
	entries map[sessionKey]*entry
	sweep   *time.Timer // nil while nothing waits to be closed
}

func newSessions(r Runtime, limit int, idle time.Duration) *sessions {
	return &sessions{runtime: r, limit: limit, idle: idle, entries: map[sessionKey]*entry{}}
}

// get gives the session for a graph, opening it at first use. The caller calls
// release when done with it.
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
		return nil, nil, e.err
	}
	return e.session, func() { s.release(e) }, nil
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

// arm has idle sessions closed in a while. The caller holds the mutex.
func (s *sessions) arm() {
	if s.idle > 0 && s.sweep == nil && len(s.entries) > 1 {
		s.sweep = time.AfterFunc(s.idle, s.closeIdle)
	}
}

// closeIdle closes what was unused for the idle time, but for the session that
// was used last.
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

// stop ends the waiting for idle sessions.
func (s *sessions) stop() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.idle = 0
	if s.sweep != nil {
		s.sweep.Stop()
	}
}

// shrink evicts the longest unused sessions beyond the limit; clear all.
func (s *sessions) shrink()    { s.evict(s.limit) }
func (s *sessions) clear() int { return s.evict(0) }

// evict tells how many sessions there were.
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
