package queue_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"upscaled/models/fault"
	"upscaled/server/account"
	"upscaled/server/job"
	"upscaled/server/queue"
	"upscaled/server/queue/integrity"
)

// accountsFolder is where an embedded server keeps accounts.
const accountsFolder = "jetstream/jetstream/$G/streams/KV_upscaled_accounts_1/msgs"

// damagedFolders calls check with copies of a data folder whose block of accounts is
// damaged.
func damagedFolders(t *testing.T, dir string, check func(t *testing.T, dir string)) {
	t.Helper()
	change := func(f func([]byte) []byte) func(string) error {
		return func(path string) error {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path, f(content), 0o600)
		}
	}
	for name, damage := range map[string]func(string) error{
		"removed": os.Remove,
		"emptied": change(func([]byte) []byte { return nil }),
		"cut":     change(func(b []byte) []byte { return b[:len(b)/2] }),
		"short":   change(func(b []byte) []byte { return b[:len(b)-1] }),
		"flipped": change(func(b []byte) []byte { b[len(b)/2] ^= 1; return b }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			copied := filepath.Join(t.TempDir(), "data")
			if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			if err := damage(filepath.Join(copied, accountsFolder, "1.blk")); err != nil {
				t.Fatal(err)
			}
			check(t, copied)
		})
	}
}

// refusesAccounts checks that a folder is refused with a sentence that names the
// accounts' file and a remedy that helps.
func refusesAccounts(t *testing.T, dir string) {
	t.Helper()
	_, err := queue.Embed(dir, quiet())
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.Sentence(err), "KV_upscaled_accounts_1") || !strings.Contains(fault.Sentence(err), "backup") {
		t.Fatalf("a damaged folder: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, integrity.FileName)); err != nil {
		t.Fatal(err)
	}
	embed(t, dir)
}

// withAccounts returns a folder with two accounts and their server.
func withAccounts(t *testing.T) (string, *queue.Connection) {
	t.Helper()
	dir := t.TempDir()
	c := embed(t, dir)
	store, err := c.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	accounts := account.New(store, time.Now)
	for range 2 {
		if _, _, err := accounts.Create(t.Context(), account.NewOptions{Name: "shop", Credits: 5}); err != nil {
			t.Fatal(err)
		}
	}
	return dir, c
}

// A stopped server's blocks must be exactly as they were.
func TestDamageAfterStop(t *testing.T) {
	t.Parallel()
	dir, c := withAccounts(t)
	c.Close()
	damagedFolders(t, dir, refusesAccounts)
}

// After a kill, the history says how far the accounts went.
func TestDamageAfterKill(t *testing.T) {
	t.Parallel()
	dir, _ := withAccounts(t)
	for {
		if h, err := integrity.Load(dir); err == nil && h.Streams["KV_upscaled_accounts_1"].Last == 2 {
			break
		}
	}
	killed := filepath.Join(t.TempDir(), "killed")
	if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	damagedFolders(t, killed, refusesAccounts)
	// A record that was being written is nobody's loss.
	block, err := os.OpenFile(filepath.Join(killed, accountsFolder, "1.blk"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := block.WriteString(strings.Repeat("\x40", 50)); err != nil {
		t.Fatal(err)
	}
	_ = block.Close()
	embed(t, killed)
}

// A damaged history begins again.
func TestDamagedHistory(t *testing.T) {
	t.Parallel()
	dir, c := withAccounts(t)
	c.Close()
	path := filepath.Join(dir, integrity.FileName)
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, bytes.Replace(text, []byte(`"last":2`), []byte(`"last":9`), 1), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	embed(t, dir).Close()
	if h, err := integrity.Load(dir); err != nil || !h.Clean || h.Streams["KV_upscaled_accounts_1"].Last != 2 {
		t.Errorf("%+v, %v", h, err)
	}
}

// store returns a cluster's store, past package queue.
func (c *cluster) store(t *testing.T) jetstream.JetStream {
	t.Helper()
	connection, err := nats.Connect(c.nodes[0].ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(connection.Close)
	js, err := jetstream.New(connection)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// A result whose chunks are gone before their time ends as a failed job that costs
// nothing, and opens never.
func TestDamagedResult(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1)
	connection := c.dial(t)
	q := start(t, connection, hasty)
	id := newAccount(t, q, 10)
	submit(t, q, spec("job", id, 3))
	image := make([]byte, 3<<20)
	if err := next(t, q).Succeed(t.Context(), bytes.NewReader(image), job.Result{Format: "png", Bytes: int64(len(image))}); err != nil {
		t.Fatal(err)
	}
	if left := balance(t, q, id); left != 7 {
		t.Fatalf("%d credits are left of 7", left)
	}
	other := start(t, c.dial(t), hasty) // a process that has not read it
	content, _, err := q.Open(t.Context(), "job")
	if err != nil {
		t.Fatal(err)
	}
	if read, err := io.ReadAll(content); err != nil || len(read) != len(image) {
		t.Fatalf("%d bytes, %v", len(read), err)
	}
	js := c.store(t)
	images, err := js.Stream(t.Context(), "upscaled_images_1")
	if err != nil {
		t.Fatal(err)
	}
	if err := images.Purge(t.Context(), jetstream.WithPurgeSubject("upscaled.image.1.job.*.3")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, _, err := other.Open(t.Context(), "job"); fault.KindOf(err) != fault.NotFound {
			t.Errorf("a damaged result: %v", err)
		}
	}
	j, err := other.Get(t.Context(), "job")
	if err != nil || j.State != job.Failed || !strings.Contains(j.Failure.Message, "send the image again") {
		t.Errorf("%+v, %v", j, err)
	}
	if left := balance(t, q, id); left != 10 {
		t.Errorf("%d credits are left of 10", left)
	}
}

// An external server that lost accounts, or their latest changes, is refused.
func TestLostAccounts(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1)
	store, err := c.dial(t).Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a", "b"} {
		if err := store.Create(t.Context(), key, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.dial(t).Accounts(t.Context()); err != nil {
		t.Fatalf("accounts that are whole: %v", err)
	}
	js := c.store(t)
	stream, err := js.Stream(t.Context(), "KV_upscaled_accounts_1")
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context(), jetstream.WithPurgeSubject("$KV.upscaled_accounts_1.b")); err != nil {
		t.Fatal(err)
	}
	_, err = c.dial(t).Accounts(t.Context())
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.Sentence(err), "accounts-extent") {
		t.Fatalf("an account is lost: %v", err)
	}
	secrets, err := js.KeyValue(t.Context(), "upscaled_secrets_1")
	if err != nil {
		t.Fatal(err)
	}
	if err := secrets.Delete(t.Context(), "accounts-extent"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.dial(t).Accounts(t.Context()); err != nil {
		t.Errorf("after the remedy: %v", err)
	}
}
