package artifact

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeGo is a go client that knows one module, which lies in folder.
func fakeGo(t *testing.T, folder string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "go")
	script := fmt.Sprintf("#!/bin/sh\n"+
		"[ \"$1 $2 $3\" = 'mod download -json' ] || exit 9\n"+
		"if [ \"$4\" = example.com/m@v1.0.0 ]; then echo '{\"Dir\":\"%s\"}'; else echo '{\"Error\":\"no such module\"}'; exit 1; fi\n", folder)
	writeProgram(t, path, script)
	return path
}

func TestGoModule(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.MkdirAll(filepath.Join(folder, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "data", "file"), []byte("content"), 0o444); err != nil {
		t.Fatal(err)
	}
	f := Fetcher{Go: fakeGo(t, folder)}
	good := Source{Module: "example.com/m@v1.0.0", Member: "data/file"}
	destination := filepath.Join(t.TempDir(), "got")
	used, err := f.Fetch(context.Background(), []Item{{of("file", []byte("content"), good), destination}}, nil)
	if err != nil || used[0] != good {
		t.Fatal(used, err)
	}
	if got, err := os.ReadFile(destination); err != nil || string(got) != "content" {
		t.Errorf("%q, %v", got, err)
	}
	for name, source := range map[string]Source{
		"no such module": {Module: "example.com/other@v1.0.0", Member: "data/file"},
		"has no file":    {Module: "example.com/m@v1.0.0", Member: "data/other"},
	} {
		_, err := f.Fetch(context.Background(), []Item{{of("file", []byte("content"), source), destination + name}}, nil)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	tampered := of("file", []byte("other bytes"), good)
	if _, err := f.Fetch(context.Background(), []Item{{tampered, destination + "2"}}, nil); err == nil {
		t.Error("another content passed")
	}
	if _, err := (&Fetcher{Go: "/nowhere/go"}).Fetch(context.Background(), []Item{{of("file", []byte("content"), good), destination + "3"}}, nil); err == nil {
		t.Error("no go client, and no error")
	}
}
