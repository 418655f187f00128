package queue

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"upscaled/models/fault"
)

// Connection is a connection to JetStream: to a server embedded in this process
// or in another one on this machine, or to an external one.
type Connection struct {
	nats *nats.Conn
	js   jetstream.JetStream
	// embedded and lock are nil unless the server is embedded in this process.
	embedded *server.Server
	lock     *flock.Flock
	dir      string // the data folder; "" with an external server
	// instance names this process while it holds an embedded server.
	instance string
	// replicas is how many nodes store each stream.
	replicas int
	writes   *writeFailure
	history  *historian // nil unless embedded is set
}

// The files of an embedded server, below the data folder.
const (
	storeFolder = "jetstream"
	lockFile    = "lock"
	attachFile  = "attach.json" // readable by the owner only: it holds a token
)

// attachment holds the data for other processes to attach to an embedded server.
type attachment struct {
	URL   string `json:"url"`
	Token string `json:"token"`
}

const startLimit = 30 * time.Second

// Embed starts a JetStream server that stores its files below dir and syncs every
// write to the disk before it acknowledges it. It listens on a loopback port of
// the system's choice, protected by a random token, so that workers and the keys
// command on this machine can Attach. Only one process at a time may use a
// folder: a second one fails with fault.Busy.
func Embed(dir string, log *slog.Logger) (*Connection, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The data folder %s cannot be created: choose another with --data.", dir)
	}
	lock := flock.New(filepath.Join(dir, lockFile))
	held, err := lock.TryLock()
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The data folder %s cannot be written: choose another with --data.", dir)
	} else if !held { //guard:data-lock TestSecondServerOnOneFolder
		return nil, fault.New(fault.Busy, "Another upscaled is using the data folder %s.", dir)
	}
	c := &Connection{lock: lock, dir: dir, replicas: 1, writes: newWriteFailure()}
	if c.history, err = openHistory(dir, log); err != nil {
		c.Close()
		return nil, err
	}
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
		JetStream: true, StoreDir: filepath.Join(c.dir, storeFolder), NoSigs: true, NoLog: true,
		//guard:sync-always TestPowerCut TestHangingDisk => SyncAlways: false
		SyncAlways: true,
	})
	if err != nil {
		return fmt.Errorf("configure embedded queue: %w", err)
	}
	embedded.SetLoggerV2(serverLog{log, c.writes}, false, false, false)
	c.embedded, c.instance = embedded, randomToken()
	embedded.Start()
	if !embedded.ReadyForConnections(startLimit) {
		return fault.New(fault.Internal, "The embedded queue did not start within %s; the reason is in its log.", startLimit)
	}
	c.history.follow(embedded)
	if err := c.connect(nats.InProcessServer(embedded), nats.Token(token)); err != nil {
		return err
	}
	text, err := json.Marshal(attachment{URL: embedded.ClientURL(), Token: token})
	if err != nil {
		return fmt.Errorf("encode attachment: %w", err)
	}
	if err := os.WriteFile(filepath.Join(c.dir, attachFile), text, 0o600); err != nil {
		return fmt.Errorf("write attachment: %w", err)
	}
	return nil
}

// Attach connects to the server that another process has embedded on dir, or
// fails with fault.NotFound.
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
	c := &Connection{dir: dir, replicas: 1, writes: newWriteFailure()}
	if err := c.connect(nats.Token(a.Token), servers(a.URL)); err != nil {
		return nil, absent
	}
	return c, nil
}

// Dial connects to an external server or cluster. Streams are stored on three
// nodes if there are as many. credentials names a NATS credentials file, or "".
func Dial(address, credentials string) (*Connection, error) {
	options := []nats.Option{servers(address)}
	if credentials != "" {
		options = append(options, nats.UserCredentials(credentials))
	}
	c := &Connection{
		//guard:replicas TestReplicasFollowNodes TestLostNode => replicas: 1
		replicas: 3, writes: newWriteFailure(),
	}
	if err := c.connect(options...); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The NATS server cannot be reached: check --nats and the server.")
	}
	return c, nil
}

// servers sets a connection's servers from a comma-separated list.
func servers(addresses string) nats.Option {
	return func(o *nats.Options) error {
		for address := range strings.SplitSeq(addresses, ",") {
			o.Servers = append(o.Servers, strings.TrimSpace(address))
		}
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
			return fmt.Errorf("configure queue connection: %w", err)
		}
	}
	connection, err := o.Connect()
	if err != nil {
		return fmt.Errorf("connect to queue: %w", err)
	}
	js, err := jetstream.New(connection)
	if err != nil {
		connection.Close()
		return fmt.Errorf("open queue: %w", err)
	}
	c.nats, c.js = connection, js
	return nil
}

// Healthy returns an error unless the queue's server answers and can write.
func (c *Connection) Healthy(ctx context.Context) error {
	if err := c.writes.err(); err != nil {
		return err
	}
	if _, err := c.js.AccountInfo(ctx); err != nil {
		return fmt.Errorf("ask queue: %w", err)
	}
	return nil
}

// Close ends the connection and an embedded server, after everything is on the
// disk.
func (c *Connection) Close() {
	if c.nats != nil {
		c.nats.Close()
	}
	if c.embedded != nil {
		//guard:detach TestGracefulStop
		_ = os.Remove(filepath.Join(c.dir, attachFile))
		c.history.close(c.embedded)
		c.embedded.Shutdown()
		c.embedded.WaitForShutdown()
		c.history.save(true)
	}
	if c.lock != nil {
		_ = c.lock.Unlock()
	}
}

// randomToken returns 256 random bits in hexadecimal.
func randomToken() string {
	token := make([]byte, 32)
	_, _ = rand.Read(token) // never fails, see crypto/rand
	return hex.EncodeToString(token)
}
