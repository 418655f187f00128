package engine

import (
	"context"
	"sync"

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
}

// sessions caches open sessions. It may be used concurrently.
type sessions struct {
	runtime Runtime
	limit   int
	mutex   sync.Mutex
	clock   int64
	entries map[sessionKey]*entry
}

func newSessions(r Runtime, limit int) *sessions {
	return &sessions{runtime: r, limit: limit, entries: map[sessionKey]*entry{}}
}

// get gives the session for a graph, opening it at first use. The caller calls
// release when done with it.
func (s *sessions) get(ctx context.Context, net Network, o network.Options) (Session, func(), error) {
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
	closing := e.users == 0 && e.evicted && e.session != nil
	s.mutex.Unlock()
	if closing {
		_ = e.session.Close()
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
