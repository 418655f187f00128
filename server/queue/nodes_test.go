package queue_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"upscaled/server/queue"
)

// cluster is external NATS nodes that run in this process.
type cluster struct{ nodes []*server.Server }

// startCluster returns ready nodes that know each other.
func startCluster(t *testing.T, size int) *cluster {
	t.Helper()
	if size > 1 && testing.Short() {
		t.Skip("clusters need more time than two cores have under the race detector")
	}
	c := &cluster{}
	for range size {
		c.grow(t, size > 1)
	}
	c.awaitLeader(t)
	return c
}

// grow adds a node.
func (c *cluster) grow(t *testing.T, clustered bool) {
	t.Helper()
	o := &server.Options{
		ServerName: fmt.Sprint("node-", len(c.nodes)), Host: "127.0.0.1", Port: server.RANDOM_PORT,
		JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
	}
	if clustered {
		o.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: server.RANDOM_PORT}
		// The first node has nobody to join yet, but a cluster's JetStream
		// does not start without any route.
		o.Routes = server.RoutesFromStr("nats://127.0.0.1:1")
	}
	if len(c.nodes) > 0 {
		o.Routes = server.RoutesFromStr("nats://" + c.nodes[0].ClusterAddr().String())
	}
	c.nodes = append(c.nodes, startNode(t, o))
}

func startNode(t *testing.T, o *server.Options) *server.Server {
	t.Helper()
	node, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	node.Start()
	t.Cleanup(func() { halt(node) })
	if !node.ReadyForConnections(patience) {
		t.Fatal("a node does not start")
	}
	return node
}

func halt(node *server.Server) {
	node.Shutdown()
	node.WaitForShutdown()
}

// awaitLeader waits until one node leads all others.
func (c *cluster) awaitLeader(t *testing.T) {
	t.Helper()
	if len(c.nodes) == 1 {
		return
	}
	eventually(t, func() bool {
		for _, node := range c.nodes {
			if node.JetStreamIsLeader() && len(node.JetStreamClusterPeers()) == len(c.nodes) {
				return true
			}
		}
		return false
	})
}

// dial makes one process's connection, which knows every node.
func (c *cluster) dial(t *testing.T) *queue.Connection {
	t.Helper()
	var addresses []string
	for _, node := range c.nodes {
		addresses = append(addresses, node.ClientURL())
	}
	connection, err := queue.Dial(strings.Join(addresses, ","), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(connection.Close)
	return connection
}

// infos returns the state of every stream, by name.
func (c *cluster) infos(t *testing.T) map[string]*jetstream.StreamInfo {
	t.Helper()
	connection, err := nats.Connect(c.nodes[0].ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	stream, err := jetstream.New(connection)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*jetstream.StreamInfo{}
	eventually(t, func() bool { // streams that just move do not answer
		lister := stream.ListStreams(t.Context())
		for info := range lister.Info() {
			all[info.Config.Name] = info
		}
		return lister.Err() == nil
	})
	return all
}

// shutdown stops a node that leads the named stream, or with leads false one
// that does not.
func (c *cluster) shutdown(t *testing.T, stream string, leads bool) {
	t.Helper()
	leader := c.infos(t)[stream].Cluster.Leader
	for i, node := range c.nodes {
		if (node.Name() == leader) == leads {
			halt(node)
			c.nodes = append(c.nodes[:i:i], c.nodes[i+1:]...)
			return
		}
	}
	t.Fatalf("no node to stop, %s leads %s", leader, stream)
}
