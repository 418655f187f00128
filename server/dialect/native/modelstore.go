package native

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/models"
	"upscaled/models/fault"
	"upscaled/server/dialect"
)

// ModelStore holds the models that this process's worker runs. Its methods may be called
// concurrently.
type ModelStore interface {
	// Pull downloads a model of the catalogue, unless it is installed; progress is in
	// bytes.
	Pull(ctx context.Context, name string, progress func(done, total int64)) error
	Remove(name string) error
	// Import adds the models of an uploaded file and returns their names.
	Import(ctx context.Context, u ModelUpload) ([]string, error)
	// Stage returns an empty folder on the store's disk for uploads.
	Stage() (folder string, remove func(), err error)
}

// ModelUpload is a model file, or a zip archive of several, in a folder. The file that
// belongs to ncnn's .param is beside it.
type ModelUpload struct {
	Folder, File string
	// Name is the model's name; "" means the file's. Scale is the scale of an ONNX file; 0
	// measures it. The others are the fields of models.About.
	Name, Licence, Author, Source string
	Scale                         int
}

// Installing is the download of a model.
type Installing struct {
	Done  int64 `json:"done"`  // bytes
	Total int64 `json:"total"` // bytes; 0 if unknown
}

// modelStore handles the operators' calls that change the models.
type modelStore struct {
	services dialect.Services
	parts    Parts
	pulls    *pulls
}

// model returns a model by its name in the path, in any spelling.
func (m modelStore) model(c echo.Context) (Model, error) {
	if m.parts.Models == nil {
		return Model{}, withStatus{http.StatusUnprocessableEntity,
			fault.New(fault.Unsupported, "This server runs no models itself: install models where its workers run.")}
	}
	name := c.Param("name")
	all, err := m.list(c.Request().Context())
	if err != nil {
		return Model{}, err
	}
	for _, one := range all {
		if models.SameName(one.Name, name) {
			return one, nil
		}
	}
	return Model{}, fault.New(fault.NotFound, "There is no model %.80q; /api/v1/models lists all.", name)
}

// list returns all models, with their downloads.
func (m modelStore) list(ctx context.Context) ([]Model, error) {
	all, err := m.parts.System.Models(ctx)
	for i := range all {
		all[i].Installing, all[i].Error = m.pulls.of(all[i].Name)
	}
	return append([]Model{}, all...), err // never null
}

// install starts the download of a model.
func (m modelStore) install(c echo.Context) error {
	found, err := m.model(c)
	if err != nil {
		return err
	}
	if found.Imported || found.Installed {
		return dialect.JSON(c, http.StatusOK, found)
	}
	m.pulls.begin(m.services, m.parts.Models, found.Name)
	found.Installing, found.Error = m.pulls.of(found.Name)
	return dialect.JSON(c, http.StatusAccepted, found)
}

// remove removes a model, or ends its download.
func (m modelStore) remove(c echo.Context) error {
	found, err := m.model(c)
	if err != nil {
		return err
	}
	if !m.pulls.cancel(found.Name) {
		if !found.Installed {
			return fault.New(fault.NotFound, "The model %s is not installed.", found.Name)
		}
		if err := m.parts.Models.Remove(found.Name); err != nil {
			return err
		}
	}
	return c.NoContent(http.StatusNoContent)
}

// progressPause is the time between two looks at a download; after silentLooks without
// a change a comment keeps the stream alive.
const progressPause, silentLooks = 250 * time.Millisecond, 60

// watch streams the state of a model until it is not being downloaded.
func (m modelStore) watch(c echo.Context) error {
	found, err := m.model(c)
	if err != nil {
		return err
	}
	s := open(c)
	silent := 0
	for last := (Installing{Done: -1}); ; silent++ {
		if found.Installing == nil {
			s.send("model", found)
			return nil
		}
		if *found.Installing != last {
			last, silent = *found.Installing, 0
			s.send("model", found)
		} else if silent%silentLooks == 0 {
			s.comment("keep-alive")
		}
		select {
		case <-time.After(progressPause):
		case <-m.services.Stopping:
			return nil
		case <-c.Request().Context().Done():
			return nil
		}
		if found, err = m.model(c); err != nil || s.err != nil {
			return nil // the client asks again
		}
	}
}

// add imports the models of an uploaded file.
func (m modelStore) add(c echo.Context) error {
	if m.parts.Models == nil {
		_, err := m.model(c)
		return err
	}
	folder, remove, err := m.parts.Models.Stage()
	if err != nil {
		return err
	}
	defer remove()
	u, err := receiveModel(c, folder)
	if err != nil {
		return err
	}
	names, err := m.parts.Models.Import(c.Request().Context(), u)
	if err != nil {
		return err
	}
	all, err := m.list(c.Request().Context())
	added := ModelsView{Models: []Model{}}
	for _, one := range all {
		for _, name := range names {
			if models.SameName(name, one.Name) {
				added.Models = append(added.Models, one)
			}
		}
	}
	return dialect.Reply(c, http.StatusCreated, added, err)
}
