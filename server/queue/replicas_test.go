package queue_test

import (
	"testing"
)

func (c *cluster) checkReplicas(t *testing.T, want int) {
	t.Helper()
	for name, info := range c.infos(t) {
		if info.Config.Replicas != want || want > 1 && info.Config.AllowDirect {
			t.Errorf("%s: %d replicas, want %d, direct reads %v", name, info.Config.Replicas, want, info.Config.AllowDirect)
		}
	}
}

// A process that starts while a node is lost must not make do with one
// replica for good.
func TestReplicasNeverGoDown(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3)
	start(t, c.dial(t), nil)
	c.shutdown(t, recordsStream, false)
	start(t, c.dial(t), nil)
	c.checkReplicas(t, 3)
}

// What was made while nodes were missing is spread when they are there.
func TestReplicasFollowNodes(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 2)
	q := start(t, c.dial(t), nil)
	submit(t, q, spec("a", "", 0))
	c.checkReplicas(t, 1)
	c.grow(t, true)
	c.awaitLeader(t)
	q = start(t, c.dial(t), nil)
	c.checkReplicas(t, 3)
	succeed(t, next(t, q), "image")
}
