package batch_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"upscaled/cmd/upscaled/batch"
	"upscaled/models/fault"
)

func TestPublishNeverReplacesUnasked(t *testing.T) {
	t.Parallel()
	var temporaries batch.Temporaries
	folder := t.TempDir()
	target := filepath.Join(folder, "a.png")
	publish := func(text string, overwrite bool) error {
		file, err := temporaries.Create(folder)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteString(text); err != nil {
			t.Fatal(err)
		}
		return temporaries.Publish(file, target, overwrite)
	}
	if err := publish("first", false); err != nil {
		t.Fatal(err)
	}
	if err := publish("second", false); fault.KindOf(err) != fault.Invalid {
		t.Errorf("the second file gave %v", err)
	}
	if data, _ := os.ReadFile(target); string(data) != "first" {
		t.Errorf("the file was replaced by %q", data)
	}
	if err := publish("third", true); err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(target); string(data) != "third" {
		t.Errorf("the file holds %q", data)
	}
	if got := list(t, folder); len(got) != 1 {
		t.Errorf("the folder holds %q", got)
	}
}

func TestRemoveAllEndsEverything(t *testing.T) {
	t.Parallel()
	var temporaries batch.Temporaries
	folder := t.TempDir()
	file, err := temporaries.Create(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	temporaries.RemoveAll()
	if got := list(t, folder); len(got) != 0 {
		t.Errorf("the folder holds %q", got)
	}
	if _, err := temporaries.Create(folder); fault.KindOf(err) != fault.Canceled {
		t.Errorf("a new file after the end gave %v", err)
	}
}

func TestLeftoversOfKilledProcessesAreRemoved(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string][]byte{".upscaled-OLD.tmp": {1}, ".upscaled-NEW.tmp": {1}, "photo.tmp": {1}})
	past := time.Now().Add(-48 * time.Hour)
	for _, name := range []string{".upscaled-OLD.tmp", "photo.tmp"} {
		if err := os.Chtimes(filepath.Join(root, name), past, past); err != nil {
			t.Fatal(err)
		}
	}
	var temporaries batch.Temporaries
	file, err := temporaries.Create(root)
	if err != nil {
		t.Fatal(err)
	}
	temporaries.Discard(file)
	if _, err := os.Stat(filepath.Join(root, ".upscaled-OLD.tmp")); !errors.Is(err, os.ErrNotExist) {
		t.Error("the old leftover stays")
	}
	if got := list(t, root); len(got) != 2 {
		t.Errorf("the folder holds %q", got)
	}
}

func TestUnwritableFolder(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string][]byte{"file": {1}})
	var temporaries batch.Temporaries
	if _, err := temporaries.Create(filepath.Join(root, "file", "below")); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a folder below a file gave %v", err)
	}
}
