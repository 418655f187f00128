package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"upscaled/models/fault"
)

// Connection is a JetStream to work on: embedded, attached to the one that is
// embedded in another process of this machine, or external.
type Connection struct {
	nats   *nats.Conn
	stream jetstream.JetStream
	// embedded and lock are nil where the server is someone else's.
	embedded *server.Server
	lock     *flock.Flock
	dir      string
	// instance names this process while it holds an embedded server.
	instance string
	// replicas is how many nodes keep each bucket.
	replicas int
	// breakage is what an embedded server reports of its disk.
	breakage *breakage
}

// Where, below the data folder, an embedded server keeps its things.
const (
	storeFolder = "jetstream"
	lockFile    = "lock"
	attachFile  = "attach.json" // readable by the owner only: it holds a token
)

// attachment is what another process needs to join an embedded server.
type attachment struct {
	URL   string `json:"url"`
	Token string `json:"token"`
}

const startLimit = 30 * time.Second

// Embed starts a JetStream server that keeps its files below dir and syncs
// every write to the disk before it is acknowledged. It listens on a loopback
// port of the system's choice, guarded by a random token, so that workers and
// the keys command on this machine can Attach. One process at a time may hold
// a folder: a second is fault.Busy.
func Embed(dir string, log *slog.Logger) (*Connection, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The data folder %s cannot be made: choose another with --data.", dir)
	}
	lock := flock.New(filepath.Join(dir, lockFile))
	if held, err := lock.TryLock(); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The data folder %s cannot be written: choose another with --data.", dir)
	} else if !held {
		return nil, fault.New(fault.Busy, "Another upscaled is using the data folder %s.", dir)
	}
	c := &Connection{lock: lock, dir: dir, replicas: 1, breakage: newBreakage()}
	if err := c.embed(log); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Connection) embed(log *slog.Logger) error {
	token := randomToken()
	embedded, err := server.NewServer(&server.Options{
		ServerName: "upscaled", Host: "127.0.0.1", Port: server.RANDOM_PORT, Authorization: token,
		JetStream: true, StoreDir: filepath.Join(c.dir, storeFolder), SyncAlways: true,
		NoSigs: true, NoLog: true,
	})
	if err != nil {
		return fmt.Errorf("configure embedded queue: %w", err)
	}
	embedded.SetLoggerV2(watchLog(log, c.breakage), false, false, false)
	c.embedded, c.instance = embedded, randomToken()
	embedded.Start()
	if !embedded.ReadyForConnections(startLimit) {
		return fault.New(fault.Internal, "The embedded queue did not start within %s; its log says why.", startLimit)
	}
	if err := c.connect(nats.InProcessServer(embedded), nats.Token(token)); err != nil {
		return err
	}
	text, err := json.Marshal(attachment{URL: embedded.ClientURL(), Token: token})
	if err != nil {
		return fmt.Errorf("encode attachment: %w", err)
	}
	if err := os.WriteFile(filepath.Join(c.dir, attachFile), text, 0o600); err != nil {
		return fmt.Errorf("tell other processes where the queue is: %w", err)
	}
	return nil
}

// Attach joins the server that another process has embedded in dir;
// fault.NotFound when none runs there.
func Attach(dir string) (*Connection, error) {
	absent := fault.New(fault.NotFound, "No upscaled server is running on the data folder %s.", dir)
	text, err := os.ReadFile(filepath.Join(dir, attachFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, absent
	} else if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The data folder %s belongs to another user.", dir)
	}
	var a attachment
	if err := json.Unmarshal(text, &a); err != nil {
		return nil, absent
	}
	c := &Connection{dir: dir, replicas: 1, breakage: newBreakage()}
	if err := c.connect(nats.Token(a.Token), url(a.URL)); err != nil {
		return nil, absent
	}
	return c, nil
}

// Dial joins an external server or cluster. Buckets are kept on three nodes
// where there are as many. credentials names a NATS credentials file, or "".
func Dial(address, credentials string) (*Connection, error) {
	options := []nats.Option{url(address)}
	if credentials != "" {
		options = append(options, nats.UserCredentials(credentials))
	}
	c := &Connection{replicas: 3, breakage: newBreakage()}
	if err := c.connect(options...); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The NATS server cannot be reached: check --nats and the server.")
	}
	return c, nil
}

// url sets a connection's servers from a comma-separated list.
func url(address string) nats.Option {
	return func(o *nats.Options) error {
		o.Url = address
		return nil
	}
}

func (c *Connection) connect(options ...nats.Option) error {
	o := nats.GetDefaultOptions()
	o.Name = "upscaled"
	o.MaxReconnect = -1 // a worker outlives any restart of its server
	o.ReconnectWait = 250 * time.Millisecond
	o.Timeout = 5 * time.Second
	for _, option := range options {
		if err := option(&o); err != nil {
			return fmt.Errorf("set queue connection: %w", err)
		}
	}
	o.Servers = splitServers(o.Url)
	connection, err := o.Connect()
	if err != nil {
		return fmt.Errorf("connect to queue: %w", err)
	}
	stream, err := jetstream.New(connection)
	if err != nil {
		connection.Close()
		return fmt.Errorf("open queue: %w", err)
	}
	c.nats, c.stream = connection, stream
	return nil
}

// Healthy says whether the queue's server can be reached now and can write.
func (c *Connection) Healthy(ctx context.Context) error {
	if err := c.breakage.err(); err != nil {
		return err
	}
	if _, err := c.stream.AccountInfo(ctx); err != nil {
		return fmt.Errorf("ask queue: %w", err)
	}
	return nil
}

// Close ends the connection and, where it is embedded, the server, after
// everything is on the disk.
func (c *Connection) Close() {
	if c.nats != nil {
		c.nats.Close()
	}
	if c.embedded != nil {
		_ = os.Remove(filepath.Join(c.dir, attachFile))
		c.embedded.Shutdown()
		c.embedded.WaitForShutdown()
	}
	if c.lock != nil {
		_ = c.lock.Unlock()
	}
}
