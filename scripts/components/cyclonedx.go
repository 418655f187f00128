package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"upscaled/scripts/licence"
)

// program is what the bill of materials is of.
type program struct{ name, version, sha256 string }

// The parts of CycloneDX 1.6 that are written; see the specification's JSON
// schema bom-1.6.
type (
	bom struct {
		Format       string          `json:"bomFormat"`
		Spec         string          `json:"specVersion"`
		Serial       string          `json:"serialNumber"`
		Version      int             `json:"version"`
		Metadata     bomMetadata     `json:"metadata"`
		Components   []bomComponent  `json:"components"`
		Dependencies []bomDependency `json:"dependencies"`
	}
	bomMetadata struct {
		Component bomComponent `json:"component"`
	}
	bomComponent struct {
		Reference  string        `json:"bom-ref"`
		Type       string        `json:"type"`
		Name       string        `json:"name"`
		Version    string        `json:"version"`
		Scope      string        `json:"scope,omitempty"`
		Hashes     []bomHash     `json:"hashes,omitempty"`
		Licences   []bomLicence  `json:"licenses,omitempty"`
		Package    string        `json:"purl,omitempty"`
		Properties []bomProperty `json:"properties,omitempty"`
	}
	bomHash struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
	bomLicence struct {
		Licence struct {
			ID   string `json:"id,omitempty"`
			Name string `json:"name,omitempty"`
		} `json:"license"`
	}
	bomProperty struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	bomDependency struct {
		Reference string   `json:"ref"`
		DependsOn []string `json:"dependsOn"`
	}
)

// cycloneDX writes the bill of materials. Its serial number comes from the
// program's hash, so that it is the same for the same program, and there is no
// time in it.
func cycloneDX(p program, components []component) ([]byte, error) {
	whole := bomComponent{
		Reference: p.name, Type: "application", Name: p.name, Version: p.version,
		Hashes: []bomHash{{"SHA-256", p.sha256}}, Licences: licences([]string{"MIT"}),
	}
	document := bom{
		Format: "CycloneDX", Spec: "1.6", Serial: serial(p), Version: 1,
		Metadata: bomMetadata{whole}, Components: []bomComponent{},
	}
	all := bomDependency{Reference: p.name, DependsOn: []string{}}
	for _, c := range components {
		entry := bomComponent{
			Reference: packageURL(c), Type: "library", Name: c.path, Version: c.version, Scope: "required",
			Licences: licences(licence.IDs(c.licences)), Package: packageURL(c),
		}
		if c.sum != "" {
			entry.Properties = []bomProperty{{"go.sum", c.sum}}
		}
		document.Components = append(document.Components, entry)
		all.DependsOn = append(all.DependsOn, entry.Reference)
	}
	document.Dependencies = []bomDependency{all}
	text, err := json.MarshalIndent(document, "", "  ")
	return append(text, '\n'), err
}

func licences(ids []string) []bomLicence {
	all := make([]bomLicence, max(1, len(ids)))
	for i, id := range ids {
		all[i].Licence.ID = id
	}
	if len(ids) == 0 {
		all[0].Licence.Name = "see the notices"
	}
	return all
}

// packageURL names a Go module as the purl specification has it.
func packageURL(c component) string {
	return "pkg:golang/" + strings.ToLower(c.path) + "@" + strings.ReplaceAll(url.PathEscape(c.version), "+", "%2B")
}

// serial is a UUID of version 8 (RFC 9562) made of the program's identity.
func serial(p program) string {
	u := sha256.Sum256([]byte(p.name + "\n" + p.version + "\n" + p.sha256))
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}
