//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"upscaled/server/queue/natstest"
)

// patience limits each wait for something that must come. It only keeps a test
// that hangs from taking all of go test's time.
const patience = 5 * time.Minute

// eventually waits until nothing is wrong any more.
func eventually(t *testing.T, what string, log fmt.Stringer, wrong func() string) {
	t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(patience); ; <-again.C {
		text := wrong()
		if text == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %s\n%v", what, text, log)
		}
	}
}

// checkStore: a running server whose jobs are all final keeps, soon after its
// start, no image, no part of one and no work item that belongs to no job.
func checkStore(t *testing.T, data string, log *logLines) {
	t.Helper()
	store := natstest.Join(t, data)
	eventually(t, "store", log, func() string {
		left, err := natstest.Orphans(t.Context(), store)
		if err != nil {
			left = append(left, err.Error())
		}
		return strings.Join(left, ", ")
	})
}

// checkDataFolder: nothing lies beside what a server keeps.
func checkDataFolder(t *testing.T, data string) {
	t.Helper()
	entries, err := os.ReadDir(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		switch entry.Name() {
		case "jetstream", "lock", "attach.json", "history.json", "history.json.new":
		default:
			t.Errorf("%s is left in the data folder", entry.Name())
		}
	}
}
