package limits

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// Connections bounds how many a server has. When there is one too many, the
// one ends that has gone longest without a request: in use it would be none to
// lose. Only where all others are being answered the new one itself is closed.
type Connections struct {
	most int

	mutex sync.Mutex
	all   map[net.Conn]*list.Element // nil while a request is answered
	quiet *list.List                 // net.Conn, the longest without a request first
}

// NewConnections bounds by most, which is above 0.
func NewConnections(most int) *Connections {
	return &Connections{most: most, all: map[net.Conn]*list.Element{}, quiet: list.New()}
}

// Note is the ConnState of an http.Server.
func (c *Connections) Note(connection net.Conn, state http.ConnState) {
	if superfluous := c.note(connection, state); superfluous != nil {
		if encrypted, ok := superfluous.(*tls.Conn); ok {
			superfluous = encrypted.NetConn() // whose goodbye could block
		}
		_ = superfluous.Close()
	}
}

// note gives the connection that has to go, or nil.
func (c *Connections) note(connection net.Conn, state http.ConnState) net.Conn {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	place, known := c.all[connection]
	if place != nil {
		c.quiet.Remove(place)
		c.all[connection] = nil
	}
	switch state {
	case http.StateNew, http.StateIdle:
		if known || state == http.StateNew {
			c.all[connection] = c.quiet.PushBack(connection)
		}
	case http.StateClosed, http.StateHijacked:
		delete(c.all, connection)
	}
	//guard:connection-count TestSlowConnectionsMakeRoom TestAnswersAreNotCut => true
	if len(c.all) <= c.most {
		return nil
	}
	oldest := c.quiet.Front()
	if oldest == nil {
		return nil
	}
	return c.forget(oldest)
}

func (c *Connections) forget(place *list.Element) net.Conn {
	connection := c.quiet.Remove(place).(net.Conn)
	delete(c.all, connection)
	return connection
}

// Open is how many there are now.
func (c *Connections) Open() int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return len(c.all)
}
