// Package natstest runs external NATS JetStream nodes within a test.
package natstest

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Cluster is a set of nodes that know each other, on loopback ports of the system's
// choice. It ends with its test.
type Cluster struct{ nodes []*server.Server }

// startLimit bounds the start of a node and the election of a leader.
const startLimit = 5 * time.Minute

// Start returns a ready cluster; one node is a plain server.
func Start(t *testing.T, size int) *Cluster {
	t.Helper()
	c := &Cluster{}
	for i := range size {
		o := &server.Options{
			ServerName: fmt.Sprint("node-", i), Host: "127.0.0.1", Port: server.RANDOM_PORT,
			JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
		}
		if size > 1 {
			o.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: server.RANDOM_PORT}
			// The first node has nobody to join yet, but a cluster's JetStream does
			// not start without any route.
			o.Routes = server.RoutesFromStr("nats://127.0.0.1:1")
		}
		if i > 0 {
			o.Routes = server.RoutesFromStr("nats://" + c.nodes[0].ClusterAddr().String())
		}
		c.nodes = append(c.nodes, start(t, o))
	}
	c.awaitLeader(t)
	return c
}

func start(t *testing.T, o *server.Options) *server.Server {
	t.Helper()
	node, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	node.Start()
	t.Cleanup(func() { Halt(node) })
	if !node.ReadyForConnections(startLimit) {
		t.Fatal("a node does not start")
	}
	return node
}

// Halt stops a node and waits for its end; it may be repeated.
func Halt(node *server.Server) {
	node.Shutdown()
	node.WaitForShutdown()
}

// awaitLeader waits until one node leads all others, for which the server has no
// event.
func (c *Cluster) awaitLeader(t *testing.T) {
	t.Helper()
	if len(c.nodes) == 1 {
		return
	}
	for deadline := time.Now().Add(startLimit); time.Now().Before(deadline); runtime.Gosched() {
		for _, node := range c.nodes {
			if node.JetStreamIsLeader() && len(node.JetStreamClusterPeers()) == len(c.nodes) {
				return
			}
		}
	}
	t.Fatal("no node leads the cluster")
}

// URLs returns the addresses of all nodes, separated by commas.
func (c *Cluster) URLs() string {
	var addresses []string
	for _, node := range c.nodes {
		addresses = append(addresses, node.ClientURL())
	}
	return strings.Join(addresses, ",")
}

// Lose stops one node for good.
func (c *Cluster) Lose(index int) {
	Halt(c.nodes[index])
	c.nodes = append(c.nodes[:index:index], c.nodes[index+1:]...)
}
