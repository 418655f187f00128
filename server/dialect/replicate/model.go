package replicate

import (
	_ "embed" // of schema.json
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/server/dialect"
	"upscaled/server/job"
)

const (
	// latestVersion is the vendor's ID of the model's latest version; clients
	// that pin it find it here.
	latestVersion = "f121d640bd286e1fdc67f9799164c1d5be36ff74576ee11c803ae5b665dd46aa"
	// schemaDate is when schema.json was written.
	schemaDate = "2026-11-21T00:00:00.000000Z"
	// cogVersion is the oldest whose schemas clients do not modify.
	cogVersion = "0.3.9"
)

var versionForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)

//go:embed schema.json
var schema []byte

// Model is the vendor's object for a model.
type Model struct {
	URL            string      `json:"url"`
	Owner          string      `json:"owner"`
	Name           string      `json:"name"`
	Description    string      `json:"description"`
	Visibility     string      `json:"visibility"`
	IsOfficial     bool        `json:"is_official"`
	GitHubURL      *string     `json:"github_url"`
	PaperURL       *string     `json:"paper_url"`
	LicenseURL     *string     `json:"license_url"`
	RunCount       int         `json:"run_count"`
	CoverImageURL  *string     `json:"cover_image_url"`
	DefaultExample *Prediction `json:"default_example"`
	LatestVersion  Version     `json:"latest_version"`
}

// Version is the vendor's object for a model's version; clients request it before
// they use an output and need all four fields.
type Version struct {
	ID            string          `json:"id"`
	CreatedAt     string          `json:"created_at"`
	CogVersion    string          `json:"cog_version"`
	OpenAPISchema json.RawMessage `json:"openapi_schema"`
}

func versionOf(id string) Version {
	return Version{ID: id, CreatedAt: schemaDate, CogVersion: cogVersion, OpenAPISchema: schema}
}

// models handles the model and its versions.
type models struct {
	services dialect.Services
	config   Config
}

func (m models) model(c echo.Context, _ job.Caller) error {
	name, err := m.knownModel(c)
	if err != nil {
		return err
	}
	return dialect.JSON(c, http.StatusOK, Model{
		URL: m.services.BaseURL(c.Request()) + "/v1/models/" + name, Owner: c.Param("owner"), Name: c.Param("name"),
		Description: "Real-ESRGAN with optional face enhancement and any scale up to 10",
		Visibility:  "public", LatestVersion: versionOf(latestVersion),
	})
}

// knownModel returns the model that the path names.
func (m models) knownModel(c echo.Context) (string, error) {
	name := c.Param("owner") + "/" + c.Param("name")
	if !slices.Contains(m.config.Models, name) {
		return "", errNotFound
	}
	return name, nil
}

func (m models) versions(c echo.Context, _ job.Caller) error {
	if _, err := m.knownModel(c); err != nil {
		return err
	}
	return dialect.JSON(c, http.StatusOK, Page[Version]{Results: []Version{versionOf(latestVersion)}})
}

// version accepts any ID: whichever version a client pins, it gets this server's
// only one.
func (m models) version(c echo.Context, _ job.Caller) error {
	if _, err := m.knownModel(c); err != nil {
		return err
	}
	id := c.Param("version")
	if !versionForm.MatchString(id) {
		return errNotFound
	}
	return dialect.JSON(c, http.StatusOK, versionOf(id))
}

// parseVersion accepts owner/name of a known model, owner/name:version, or the ID
// of any version.
func (m models) parseVersion(value json.RawMessage) (model, version string, err error) {
	if dialect.Absent(value) {
		return "", "", violations{{"required", "", "version is required"}}
	}
	var text string
	if json.Unmarshal(value, &text) != nil {
		return "", "", violations{wrongType("version", "string", value)}
	}
	model, version = m.config.Models[0], text
	if strings.Contains(text, "/") {
		var pinned bool
		if model, version, pinned = strings.Cut(text, ":"); !pinned {
			version = latestVersion
		}
	}
	if !slices.Contains(m.config.Models, model) || !versionForm.MatchString(version) {
		return "", "", errVersion
	}
	return model, version, nil
}
