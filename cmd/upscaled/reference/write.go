package reference

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"upscaled/models/fault"
)

// WriteMarkdown writes the document of Markdown to a file in a folder, which it
// creates.
func WriteMarkdown(folder, name string, pages []Page, settings []Flag, codes []ExitCode) error {
	var b bytes.Buffer
	if err := Markdown(&b, pages, settings, codes); err != nil {
		return err
	}
	return writeIn(folder, name, b.Bytes())
}

// WriteMan writes manual pages to a folder, which it creates. The first page, that
// of the program, lists the exit codes.
func WriteMan(folder string, pages []Page, source string, codes []ExitCode) error {
	for _, page := range pages {
		var b bytes.Buffer
		if err := Man(&b, page, source, codes); err != nil {
			return err
		}
		if err := writeIn(folder, ManName(page), b.Bytes()); err != nil {
			return err
		}
		codes = nil
	}
	return nil
}

func writeIn(folder, name string, data []byte) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fault.Wrap(fault.Invalid, err, "The folder %s cannot be made; name one that you may write to.", folder)
	}
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		return fault.Wrap(fault.Invalid, fmt.Errorf("write reference: %w", err), "%s cannot be written; look at its folder's rights and room.", path)
	}
	return nil
}
