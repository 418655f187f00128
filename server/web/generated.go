package web

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// languages is the module that lists the languages.
const languages = "languages/index.js"

// generate adds an asset that depends on the others.
func (p *Page) generate(name string) error {
	write := p.writeWorker
	if name == languages {
		write = writeLanguages
	}
	content, err := write()
	if err != nil {
		return err
	}
	p.assets[name], err = NewAsset(name, content)
	return err
}

// writeLanguages returns the names of the languages by code, as the message
// language.name of each catalog says.
func writeLanguages() ([]byte, error) {
	catalogs, err := fs.Glob(embedded, folder+"/languages/*.json")
	if err != nil {
		return nil, err
	}
	names := map[string]any{}
	for _, name := range catalogs {
		content, err := embedded.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var catalog map[string]any
		if err := json.Unmarshal(content, &catalog); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		names[strings.TrimSuffix(path.Base(name), ".json")] = catalog["language.name"]
	}
	list, err := json.Marshal(names)
	return fmt.Appendf(nil, "export default %s;\n", list), err
}

// writeWorker returns the service worker with the paths of the files that it keeps,
// relative to the page, and a version that follows from all files. The page of
// operators is not kept.
func (p *Page) writeWorker() ([]byte, error) {
	script, err := File(worker)
	if err != nil {
		return nil, err
	}
	version := sha256.New()
	kept := []string{"", "docs/before-after.jpg"}
	for _, name := range slices.Sorted(maps.Keys(p.assets)) {
		fmt.Fprintln(version, name, p.assets[name].etag)
		if !slices.Contains([]string{index, worker, admin, "admin.js", "operator.js", "style/admin.css"}, name) {
			kept = append(kept, prefix[1:]+name)
		}
	}
	list, err := json.Marshal(kept)
	return fmt.Appendf(nil, "const VERSION = %q;\nconst FILES = %s;\n%s", hex.EncodeToString(version.Sum(nil)[:8]), list, script), err
}
