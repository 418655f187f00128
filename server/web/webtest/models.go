package webtest

import (
	"context"
	"os"
	"strings"
	"sync"
	"time"

	"upscaled/models/fault"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/dialect/native"
	"upscaled/server/job"
)

const defaultModel = "realesr-general-x4v3"

// system describes a small installation, whose models can be changed.
type system struct {
	step  time.Duration
	mutex sync.Mutex
	all   []native.Model
}

func newSystem(step time.Duration) *system {
	const license, origin = "BSD-3-Clause", "Real-ESRGAN by Xintao Wang and others"
	return &system{step: step, all: []native.Model{
		{Model: job.Model{Name: defaultModel, Summary: "fast, for photos and everything else", Scale: 4, Installed: true, Denoise: true, Licence: license, Origin: origin, Bytes: 4_900_000}, Default: true},
		{Model: job.Model{Name: "realesrgan-x4plus", Summary: "most detail, for photos; about 14 times the work", Scale: 4, Installed: true, Licence: license, Origin: origin, Bytes: 67_000_000}},
		{Model: job.Model{Name: "realesrgan-x2plus", Summary: "like realesrgan-x4plus, at scale 2", Scale: 2, Licence: license, Origin: origin, VariantOf: "realesrgan-x4plus"}},
		{Model: job.Model{Name: "realesrgan-x4plus-anime-6b", Summary: "for drawings", Scale: 4, Licence: license, Origin: origin, Bytes: 17_900_000}},
		{Model: job.Model{Name: "real-cugan-4x", Summary: "for drawings; keeps noise", Scale: 4, Licence: "MIT", Origin: "Real-CUGAN by bilibili", Bytes: 2_800_000}},
		{Model: job.Model{Name: "gfpgan-1.4", Summary: "restores faces", Licence: "Apache-2.0", Origin: "GFPGAN", Bytes: 348_000_000, Faces: true}},
	}}
}

// Status implements native.System.
func (*system) Status(context.Context) (native.Status, error) {
	return native.Status{
		Version: "test", Ready: true, DefaultModel: defaultModel,
		FaceRestorer: native.FaceRestorer{Name: "realesrgan-x4plus", Refined: true},
	}, nil
}

// Models implements native.System.
func (s *system) Models(context.Context) ([]native.Model, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return append([]native.Model{}, s.all...), nil
}

// Devices implements native.System.
func (*system) Devices(context.Context) ([]native.Device, error) {
	return []native.Device{{Kind: "cpu", Name: "Test CPU", Precision: "fp32"}}, nil
}

func (s *system) change(name string, installed bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for i, m := range s.all {
		if m.Name == name && !installed && m.Imported {
			s.all = append(s.all[:i], s.all[i+1:]...)
			return
		} else if m.Name == name {
			s.all[i].Installed = installed
		}
	}
}

// Pull implements native.ModelStore: slowly, and never the face restorer.
func (s *system) Pull(ctx context.Context, name string, progress func(done, total int64)) error {
	const total = 17_900_000
	for i := range steps {
		progress(total*int64(i)/steps, total)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * s.step):
		}
		if i > steps/2 && strings.HasPrefix(name, "gfpgan") {
			return fault.New(fault.ModelMissing, "%s cannot be downloaded now.", name)
		}
	}
	s.change(name, true)
	return nil
}

// Remove implements native.ModelStore.
func (s *system) Remove(name string) error {
	s.change(name, false)
	return nil
}

// Stage implements native.ModelStore.
func (*system) Stage() (string, func(), error) {
	folder, err := os.MkdirTemp("", "webtest")
	return folder, func() { _ = os.RemoveAll(folder) }, err
}

// Import implements native.ModelStore: files named "broken" are no models.
func (s *system) Import(_ context.Context, u native.ModelUpload) ([]string, error) {
	name, _, _ := strings.Cut(u.File, ".")
	if name == "broken" {
		return nil, fault.New(fault.Invalid, "%s is not a supported weights file.", u.File)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.all = append(s.all, native.Model{Model: job.Model{Name: name, Summary: "SPAN 4x", Scale: 4, Installed: true, Imported: true}})
	return []string{name}, nil
}

// operators lets every caller change the models, as on one's own machine.
type operators struct{ dialecttest.Auth }

// Authenticate implements job.Authenticator.
func (o operators) Authenticate(ctx context.Context, key string) (job.Caller, error) {
	caller, err := o.Auth.Authenticate(ctx, key)
	caller.Operator = true
	return caller, err
}
