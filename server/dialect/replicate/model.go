package replicate

import (
	"embed"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/server/dialect"
	"upscaled/server/job"
)

const (
	// schemaDate is when the schemas were written.
	schemaDate = "2026-11-21T00:00:00.000000Z"
	// cogVersion is the oldest whose schemas clients do not modify.
	cogVersion = "0.3.9"
)

var versionForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)

//go:embed schemas
var schemas embed.FS

// variant is one of the vendor's Real-ESRGAN models, which differ in their inputs.
type variant struct {
	name string // owner/name
	// versions are the IDs that clients pin, the latest first.
	versions []string
	schema   string
	dialect.ModelInputs
}

// variants returns the models that this API knows, with all versions that public
// code pins.
func variants() []variant {
	return []variant{
		{"nightmareai/real-esrgan", []string{
			"f121d640bd286e1fdc67f9799164c1d5be36ff74576ee11c803ae5b665dd46aa",
			"b3ef194191d13140337468c916c2c5b96dd0cb06dffc032a022a31807f6a5ea8",
			"f0992969a94014d73864d08e6d9a39286868328e4263d9ce2da6fc4049d01a1a",
			"350d32041630ffbe63c8352783a26d94126809164e684b54e23b5c3d4aa7b4b0",
			"42fed1c4974146d4d2414e2be2c5277c7fcf05fcc3a73abf41610695738c1d7b",
		}, "schemas/nightmareai.json", dialect.ModelInputs{Image: "image", Scale: "scale", Preset: 4}},
		{"cjwbw/real-esrgan", []string{
			"d0ee3d708c9b911f122a4ad90046c5d26a0293b99476d697f6bb7f2e251ce2d4",
		}, "schemas/cjwbw.json", dialect.ModelInputs{Image: "image", Scale: "upscale", Preset: 4}},
		{"xinntao/realesrgan", []string{
			"1b976a4d456ed9e4d1a846597b7614e79eadad3032e9124fa63859db0fd59b56",
		}, "schemas/xinntao.json", dialect.ModelInputs{Image: "img", Scale: "scale", Preset: 2, Models: map[string]string{
			"": "realesr-general-x4v3", "General - v3": "realesr-general-x4v3", "General - RealESRGANplus": "realesrgan-x4plus",
			"Anime - anime6B": "realesrgan-x4plus-anime-6b", "AnimeVideo - v3": "realesr-animevideov3",
		}}},
	}
}

// variantOf returns a model of the configuration; names that are not the vendor's
// mean its first model.
func variantOf(name string) variant {
	all := variants()
	for _, v := range all {
		if v.name == name {
			return v
		}
	}
	all[0].name = name
	return all[0]
}

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

// Found is the vendor's answer to a search, which finds only models here.
type Found struct {
	Query       string       `json:"query"`
	Models      []FoundModel `json:"models"`
	Collections []struct{}   `json:"collections"`
	Pages       []struct{}   `json:"pages"`
}

// FoundModel is a model that a search found.
type FoundModel struct {
	Model    Model    `json:"model"`
	Metadata struct{} `json:"metadata"`
}

// Version is the vendor's object for a model's version; clients request it before
// they use an output and need all four fields.
type Version struct {
	ID            string          `json:"id"`
	CreatedAt     string          `json:"created_at"`
	CogVersion    string          `json:"cog_version"`
	OpenAPISchema json.RawMessage `json:"openapi_schema"`
}

// version returns a version of a model; all have the same schema.
func (v variant) version(id string) Version {
	schema, _ := schemas.ReadFile(v.schema) // embedded
	return Version{ID: id, CreatedAt: schemaDate, CogVersion: cogVersion, OpenAPISchema: schema}
}

// models handles the models and their versions.
type models struct {
	services dialect.Services
	config   Config
}

func (m models) model(c echo.Context, _ job.Caller) error {
	v, err := m.knownModel(c)
	if err != nil {
		return err
	}
	return dialect.JSON(c, http.StatusOK, m.object(c, v))
}

func (m models) object(c echo.Context, v variant) Model {
	owner, name, _ := strings.Cut(v.name, "/")
	return Model{
		URL: m.services.BaseURL(c.Request()) + "/v1/models/" + v.name, Owner: owner, Name: name,
		Description: "Real-ESRGAN with optional face enhancement and any scale up to 10",
		Visibility:  "public", LatestVersion: v.version(v.versions[0]),
	}
}

// found returns the models whose names contain all words of a query.
func (m models) found(c echo.Context, query string) []Model {
	all := []Model{}
	for _, name := range m.config.Models {
		if !slices.ContainsFunc(strings.Fields(strings.ToLower(query)), func(word string) bool { return !strings.Contains(name, word) }) {
			all = append(all, m.object(c, variantOf(name)))
		}
	}
	return all
}

// list handles GET /v1/models.
func (m models) list(c echo.Context, _ job.Caller) error {
	return dialect.JSON(c, http.StatusOK, Page[Model]{Results: m.found(c, "")})
}

// query handles QUERY /v1/models, whose body is a text.
func (m models) query(c echo.Context, _ job.Caller) error {
	const longest = 1 << 10 // bytes
	text, err := io.ReadAll(io.LimitReader(c.Request().Body, longest))
	if err != nil {
		return badRequest("The request body is incomplete.")
	}
	return dialect.JSON(c, http.StatusOK, Page[Model]{Results: m.found(c, string(text))})
}

// search handles GET /v1/search.
func (m models) search(c echo.Context, _ job.Caller) error {
	found := Found{Query: c.QueryParam("query"), Models: []FoundModel{}, Collections: []struct{}{}, Pages: []struct{}{}}
	for _, model := range m.found(c, found.Query) {
		found.Models = append(found.Models, FoundModel{Model: model})
	}
	return dialect.JSON(c, http.StatusOK, found)
}

// knownModel returns the model that the path names.
func (m models) knownModel(c echo.Context) (variant, error) {
	name := c.Param("owner") + "/" + c.Param("name")
	if !slices.Contains(m.config.Models, name) {
		return variant{}, errNotFound
	}
	return variantOf(name), nil
}

func (m models) versions(c echo.Context, _ job.Caller) error {
	v, err := m.knownModel(c)
	if err != nil {
		return err
	}
	return dialect.JSON(c, http.StatusOK, Page[Version]{Results: []Version{v.version(v.versions[0])}})
}

// version accepts any ID: whichever version of a known model a client pins, it gets
// this server's only one.
func (m models) version(c echo.Context, _ job.Caller) error {
	v, err := m.knownModel(c)
	if err != nil {
		return err
	}
	id := c.Param("version")
	if !versionForm.MatchString(id) {
		return errNotFound
	}
	return dialect.JSON(c, http.StatusOK, v.version(id))
}

// parseVersion accepts owner/name of a known model, owner/name:version, and the ID
// of a known version. IDs alone that are unknown are of models that do something
// else.
func (m models) parseVersion(value json.RawMessage) (v variant, version string, err error) {
	if dialect.Absent(value) {
		return variant{}, "", violation("required", "", "version is required")
	}
	var text string
	if json.Unmarshal(value, &text) != nil {
		return variant{}, "", dialect.WrongType("version", "string", value)
	}
	name, version, pinned := strings.Cut(text, ":")
	switch {
	case !strings.Contains(text, "/"):
		name, version = m.modelOf(text), text
	case !pinned:
		version = variantOf(name).versions[0]
	}
	if !slices.Contains(m.config.Models, name) || !versionForm.MatchString(version) {
		return variant{}, "", errVersion
	}
	return variantOf(name), version, nil
}

// modelOf returns the name of the model that a version's ID belongs to, "" if that
// is unknown. IDs may be shortened.
func (m models) modelOf(id string) string {
	const shortest = 8
	if slices.Contains(m.config.Versions, id) {
		return m.config.Models[0]
	}
	for _, name := range m.config.Models {
		//guard:other-models TestOtherModels => true
		if len(id) >= shortest && slices.ContainsFunc(variantOf(name).versions, func(known string) bool { return strings.HasPrefix(known, id) }) {
			return name
		}
	}
	return ""
}
