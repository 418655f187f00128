package models

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"upscaled/models/network"
)

// Entry describes a model or library, installed or not.
type Entry struct {
	Name        string `json:"name"`
	Kind        Kind   `json:"kind"`
	Description string `json:"description"`
	// Title is a name for people; mostly "".
	Title string `json:"title,omitempty"`
	// VariantOf is the model that people choose in place of this one; mostly "".
	VariantOf string `json:"variant_of,omitempty"`
	// Architecture is known once installed.
	Architecture network.Architecture `json:"architecture,omitempty"`
	// Scale is output side / input side; 0 if there is none.
	Scale int `json:"scale,omitempty"`
	// Tiles says how large images are computed, and Radius by how many pixels exact
	// tiles overlap.
	Tiles     network.Tiles `json:"tiles,omitempty"`
	Radius    int           `json:"radius,omitempty"`
	Installed bool          `json:"installed"`
	Imported  bool          `json:"imported"`
	// Size is in bytes: on disk if installed, otherwise of the preferred
	// download (npm packages are larger).
	Size int64 `json:"size"`
	// SHA256 is the stored file's; "" if not installed, and for libraries, which
	// may have several files.
	SHA256 string `json:"sha256,omitempty"`
	// Sources are where the stored files came from.
	Sources []string `json:"sources,omitempty"`
	About
	// Origin is author and source in one text.
	Origin string `json:"origin,omitempty"`
	// NonCommercial marks licenses that are known to forbid commercial use.
	NonCommercial bool `json:"non_commercial,omitempty"`
	// Notice is a sentence that users must see before using it; mostly "".
	Notice      string    `json:"notice,omitempty"`
	InstalledAt time.Time `json:"installed_at,omitzero"`
	// RestoresFaces marks face restorers, Denoise models with an adjustable
	// denoising strength.
	RestoresFaces bool `json:"restores_faces,omitempty"`
	Denoise       bool `json:"denoise,omitempty"`
	// DefaultFor lists the device kinds that use it by default.
	DefaultFor []string `json:"default_for,omitempty"`
}

// List returns the catalogue in its order, then the imported models by name.
// Damaged entries count as not installed; Verify reports the damage.
func (s *Store) List() []Entry {
	var entries []Entry
	for _, p := range s.files.products {
		entries = append(entries, s.productEntry(p))
	}
	for _, name := range s.files.importedNames() {
		if d, err := s.files.read(name); err == nil {
			entries = append(entries, d.entry())
		}
	}
	return entries
}

// Entry returns one model or library by name, in any spelling (see fold). An
// unknown name is fault.NotFound, with suggestions.
func (s *Store) Entry(name string) (Entry, error) {
	if p, ok := s.files.product(name); ok {
		return s.productEntry(p), nil
	}
	d, err := s.files.imported(name)
	if err != nil {
		return Entry{}, err
	}
	return d.entry(), nil
}

// CanonicalName returns a model's name as the catalogue writes it, also in a mix, and
// an unknown name as it is.
func (s *Store) CanonicalName(name string) string {
	if shares, err := ParseMix(name); shares != nil && err == nil {
		var parts []string
		for _, share := range shares {
			parts = append(parts, fmt.Sprintf("%s=%g", s.CanonicalName(share.Model), share.Part))
		}
		return strings.Join(parts, ",")
	}
	if entry, err := s.Entry(name); name != "" && err == nil {
		return entry.Name
	}
	return name
}

// tiles returns how a model of the catalogue computes large images, and the overlap.
func (p product) tiles() (network.Tiles, int) {
	switch {
	case p.kind != Upscale:
		return "", 0
	case p.name == generalModel || p.name == denoisingModel:
		return network.ExactTiles, 34
	case p.name == filmModel:
		return network.ExactTiles, 18
	case strings.HasPrefix(p.name, upconvModel):
		return network.ExactTiles, 7
	}
	return network.BlendedTiles, 0
}

// productEntry describes a catalogue entry and its state in the store.
func (s *Store) productEntry(p product) Entry {
	if p.kind != Runtime {
		if d, err := s.files.read(p.name); err == nil {
			e := d.entry()
			e.Title, e.VariantOf = p.title, p.variantOf
			e.Tiles, e.Radius = p.tiles()
			return e
		}
	}
	e := Entry{
		Name: p.name, Kind: p.kind, Description: p.description, Title: p.title, VariantOf: p.variantOf, Scale: p.scale, Size: p.size(),
		About: p.about(), Notice: p.notice, DefaultFor: defaultFor(p.name),
		RestoresFaces: p.name == gfpganModel, Denoise: p.name == generalModel,
	}
	e.Tiles, e.Radius = p.tiles()
	if p.kind == Runtime {
		e.Installed = s.libraries.installed(p)
	}
	return e.completed()
}

func (d descriptor) entry() Entry {
	e := Entry{
		Name: d.Name, Kind: d.Kind, Description: d.Description, Architecture: d.Architecture, Scale: d.Scale,
		Tiles: d.Tiles, Radius: d.Radius,
		Installed: true, Imported: d.Imported, Size: d.Size, SHA256: d.SHA256,
		About: d.About, Notice: d.Notice,
		InstalledAt: d.installedAt(), DefaultFor: defaultFor(d.Name),
		RestoresFaces: d.restores(), Denoise: d.Name == generalModel,
	}
	if d.Origin != "" {
		e.About = aboutOrigin(d.Licence, d.Origin)
	}
	for _, o := range d.Sources {
		e.Sources = append(e.Sources, cmp.Or(o.From, o.File))
	}
	return e.completed()
}

// completed fills in the fields that follow from About.
func (e Entry) completed() Entry {
	e.Origin, e.NonCommercial = e.About.origin(), e.About.NonCommercial()
	return e
}

func defaultFor(name string) []string {
	var kinds []string
	for _, kind := range []string{"cpu", "cuda"} {
		if defaultModel(kind) == name {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}
