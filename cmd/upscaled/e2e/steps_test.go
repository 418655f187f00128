//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
)

// arm makes the next process, or the one that runs, end at a step; "" at none.
// The file changes as a whole: it is read all the time.
func arm(file, step string) error {
	if err := os.WriteFile(file+".new", []byte(step), 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

func stepFile(folder string) string { return filepath.Join(folder, "step") }
