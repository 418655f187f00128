package queue_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"upscaled/server/job"
	"upscaled/server/queue"
)

// link passes bytes between two nodes until it is cut; then it holds them, like a
// network whose packets are dropped and sent again.
type link struct {
	listener net.Listener
	mutex    sync.Mutex
	whole    *sync.Cond
	cut      bool
	closed   bool
	all      []net.Conn
	running  sync.WaitGroup
}

// startLink listens for one node on behalf of another.
func startLink(t *testing.T, to string) *link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{listener: listener}
	l.whole = sync.NewCond(&l.mutex)
	l.running.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				_ = near.Close()
				continue
			}
			l.join(near, far)
		}
	})
	t.Cleanup(l.close)
	return l
}

func (l *link) join(near, far net.Conn) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.all = append(l.all, near, far)
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		l.running.Go(func() {
			_, _ = io.Copy(gated{way[0], l}, way[1]) // its end is the other's too
			_ = way[0].Close()
			_ = way[1].Close()
		})
	}
}

// gated writes while its link is whole.
type gated struct {
	net.Conn
	link *link
}

// Write implements io.Writer.
func (g gated) Write(p []byte) (int, error) {
	g.link.mutex.Lock()
	for g.link.cut && !g.link.closed {
		g.link.whole.Wait()
	}
	g.link.mutex.Unlock()
	return g.Conn.Write(p)
}

func (l *link) set(cut bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.cut = cut
	l.whole.Broadcast()
}

func (l *link) close() {
	_ = l.listener.Close()
	l.mutex.Lock()
	l.closed = true
	l.whole.Broadcast()
	for _, connection := range l.all {
		_ = connection.Close()
	}
	l.mutex.Unlock()
	l.running.Wait()
}

// web is a cluster whose nodes reach each other by links only.
type web struct {
	*cluster
	links map[[2]int]*link // by the numbers of both nodes, the larger first
}

func startWeb(t *testing.T) *web {
	t.Helper()
	if testing.Short() {
		t.Skip("clusters need more time than two cores have under the race detector")
	}
	w := &web{cluster: &cluster{}, links: map[[2]int]*link{}}
	const nowhere = "127.0.0.1:1"
	for i := range 3 {
		o := &server.Options{
			ServerName: fmt.Sprint("node-", i), Host: "127.0.0.1", Port: server.RANDOM_PORT,
			JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
			// Advertised addresses would let nodes and clients bypass the links.
			Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: server.RANDOM_PORT, Advertise: nowhere, NoAdvertise: true, PoolSize: -1},
		}
		routes := "nats://" + nowhere
		for j := range i {
			w.links[[2]int{i, j}] = startLink(t, w.nodes[j].ClusterAddr().String())
			routes += ",nats://" + w.links[[2]int{i, j}].listener.Addr().String()
		}
		o.Routes = server.RoutesFromStr(routes)
		w.nodes = append(w.nodes, startNode(t, o))
	}
	w.awaitLeader(t)
	return w
}

// part cuts one node off from the others, or with false joins it again.
func (w *web) part(node int, cut bool) {
	for ends, link := range w.links {
		if slices.Contains(ends[:], node) {
			link.set(cut)
		}
	}
}

// dialTo makes a process's connection that knows some nodes only.
func (w *web) dialTo(t *testing.T, nodes ...int) *queue.Connection {
	t.Helper()
	some := &cluster{}
	for _, i := range nodes {
		some.nodes = append(some.nodes, w.nodes[i])
	}
	return some.dial(t)
}

// One node of three is cut off from the others for longer than a lease, and a
// worker that has begun a job with it. The others run the job; when the node
// comes back the worker learns that it has lost it.
func TestPartition(t *testing.T) {
	t.Parallel()
	for name, leads := range map[string]bool{"leader": true, "follower": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWeb(t)
			f := &fleet{cluster: w.cluster, ended: map[string]int{}}
			first := start(t, w.dialTo(t, 0), hasty) // makes the streams
			f.account = newAccount(t, first, 100)
			leader := w.infos(t)[recordsStream].Cluster.Leader
			lone := slices.IndexFunc(w.nodes, func(n *server.Server) bool { return (n.Name() == leader) == leads })
			others := slices.DeleteFunc([]int{0, 1, 2}, func(i int) bool { return i == lone })
			f.begin(t)
			for range 2 {
				f.apis = append(f.apis, start(t, w.dialTo(t, others...), hasty))
			}
			ids := f.submitAll(t, "first-", 1)
			cutOff := start(t, w.dialTo(t, lone), hasty)
			held := next(t, cutOff)
			w.part(lone, true)
			written := make(chan error, 1)
			go func() { written <- held.Succeed(f.ctx, strings.NewReader("of the lost"), job.Result{OutputWidth: 1}) }()
			f.workOn(t, w.dialTo(t, others...))
			ids = append(ids, f.submitAll(t, "during-", 8)...)
			if len(ids) < 2 {
				t.Error("two nodes of three accept nothing")
			}
			wait(t, f.apis[0], held.Job().ID)
			w.part(lone, false)
			select {
			case err := <-written:
				if !errors.Is(err, job.ErrLost) {
					t.Errorf("the worker that was cut off: %v", err)
				}
			case <-time.After(patience):
				t.Fatal("the worker that was cut off receives nothing")
			}
			f.workQueue(t, cutOff)
			f.check(t, append(ids, f.submitAll(t, "after-", 5)...), 100)
		})
	}
}
