package batch

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"upscaled/engine/film"
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/models/fault"
)

// Expansion holds the options of Expand.
type Expansion struct {
	// Recursive includes subfolders.
	Recursive bool
	// Hidden includes folders that systems and programs keep for themselves.
	Hidden bool
	// Page of each image, AllPages or EachPage; 0 is the first.
	Page int
	// Skip is the output folder, which is not searched, or "".
	Skip string
	// Take, if not nil, selects files of folders and globs; others are left out
	// without a note.
	Take func(path string, info fs.FileInfo) bool
	// Stdin is read when an argument is Standard.
	Stdin io.Reader
}

// Leave reports whether a folder in a searched one is left out: the output folder, or
// a hidden one.
func (e Expansion) Leave(path string) bool {
	return e.Skip != "" && sameFile(path, e.Skip) || !e.Hidden && isHidden(filepath.Base(path))
}

// AllPages takes every page of a file, to one output if that is a TIFF file, EachPage
// to an output each.
const AllPages, EachPage = -1, -2

// Expand returns the images that arguments name, in the order of the arguments and
// sorted by name within a folder. A named file that is no image is a failure; in
// folders and globs it is skipped with a note. Globs are expanded for shells that
// do not.
func Expand(ctx context.Context, arguments []string, how Expansion) (Selection, error) {
	e := expander{Expansion: how, ctx: ctx, seen: make(map[string]bool), arguments: arguments}
	for _, argument := range arguments {
		if err := ctx.Err(); err != nil {
			return Selection{}, fault.Wrap(fault.Canceled, err, "The search for images was interrupted.")
		}
		e.argument(argument)
	}
	return e.found, nil
}

type expander struct {
	Expansion
	ctx   context.Context
	found Selection
	// seen holds absolute paths, so that no file is upscaled twice.
	seen      map[string]bool
	arguments []string
}

func (e *expander) argument(argument string) {
	if argument == Standard {
		e.standard()
		return
	}
	info, err := os.Stat(argument)
	switch {
	case err == nil && info.IsDir():
		e.found.Folder = true
		e.folder(argument)
	case err == nil:
		e.named(argument, info)
	case strings.ContainsAny(argument, "*?["):
		e.glob(argument)
	default:
		e.fail(argument, unreadable(err))
	}
}

// glob expands a pattern as filepath.Match defines it.
func (e *expander) glob(pattern string) {
	matches, err := filepath.Glob(pattern)
	if err != nil {
		e.fail(pattern, fault.New(fault.Invalid, "This pattern is malformed; a [ needs its ]."))
		return
	}
	if len(matches) == 0 {
		e.fail(pattern, fault.New(fault.NotFound, "No file matches this pattern."))
		return
	}
	e.found.Folder = true
	for _, match := range matches {
		if info, err := os.Stat(match); err == nil && info.IsDir() {
			e.folder(match)
		} else {
			e.member(match, filepath.Base(match))
		}
	}
}

// named adds a file that the user named: it must be an image or a film.
func (e *expander) named(path string, info fs.FileInfo) {
	if !info.Mode().IsRegular() {
		e.pipe(path)
		return
	}
	if e.repeated(path) {
		return
	}
	if isOwnOutput(path) && e.namesSource(path) {
		e.note(path, "Ignored: made by an earlier run; name the file alone to upscale it again.")
		return
	}
	in, err := sniffFile(path)
	if err != nil {
		e.fail(path, err)
		return
	}
	in.Path, in.Relative, in.Size = path, filepath.Base(path), info.Size()
	e.add(in)
}

// namesSource reports whether the arguments name the input of an output beside it too,
// as a shell's pattern does.
func (e *expander) namesSource(output string) bool {
	stem := func(path string) string { return strings.TrimSuffix(path, filepath.Ext(path)) }
	source := strings.TrimSuffix(stem(output), besideSuffix)
	return slices.ContainsFunc(e.arguments, func(argument string) bool { return stem(argument) == source })
}

// add adds an image, with the number of its pages if all are wanted.
func (e *expander) add(in Input) {
	if in.Page = max(e.Page, 0); e.Page < 0 && in.Format == imagedata.TIFF {
		data, err := in.read()
		if err != nil {
			e.fail(in.Path, err)
			return
		}
		in.pages, in.each = decode.Pages(data), e.Page == EachPage
	}
	e.found.Inputs = append(e.found.Inputs, in)
}

// pipe adds a file that can be read only once, such as a process substitution.
func (e *expander) pipe(path string) {
	file, err := os.Open(path)
	if err != nil {
		e.fail(path, unreadable(err))
		return
	}
	defer file.Close()
	e.stream(path, filepath.Base(path), file)
}

func (e *expander) standard() {
	if e.seen[Standard] {
		e.note(Standard, "Standard input can be read only once; it is taken once.")
		return
	}
	e.seen[Standard] = true
	e.stream(Standard, "stdin", e.Stdin)
}

func (e *expander) stream(path, relative string, r io.Reader) {
	data, err := readPipe(e.ctx, r)
	if err != nil {
		e.fail(path, err)
		return
	}
	head := data[:min(len(data), decode.SniffLength)]
	if film.Sniff(head) {
		e.fail(path, fault.New(fault.Unsupported, "A film is read from a file and not from a pipe; name the file."))
		return
	}
	format, err := decode.Sniff(head)
	if err != nil {
		e.fail(path, err)
		return
	}
	e.add(Input{Path: path, Relative: relative, Format: format, Size: int64(len(data)), data: data})
}

// folder adds the images of a folder. Links to files are followed, links to
// folders are not, because they may form cycles.
func (e *expander) folder(root string) {
	before := len(e.found.Inputs)
	// The separator makes WalkDir follow a link that the user named.
	top := filepath.Clean(root) + string(filepath.Separator)
	_ = filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case e.ctx.Err() != nil:
			return filepath.SkipAll
		case err != nil:
			e.fail(path, unreadable(err))
			return filepath.SkipDir
		case path == top:
		case entry.IsDir() && e.Skip != "" && sameFile(path, e.Skip):
			e.note(path, "Left out because the outputs go there.")
			return filepath.SkipDir
		case entry.IsDir() && !e.Recursive:
			e.note(path, "Folder left out; --recursive takes it too.")
			return filepath.SkipDir
		case entry.IsDir() && !e.Hidden && isHidden(entry.Name()):
			e.note(path, "Hidden folder left out; --hidden takes it too.")
			return filepath.SkipDir
		case !entry.IsDir():
			relative, err := filepath.Rel(top, path)
			if err != nil {
				relative = entry.Name()
			}
			e.member(path, relative)
		}
		return nil
	})
	if len(e.found.Inputs) == before {
		e.note(root, "No images were found in this folder.")
	}
}

// member adds a file of a folder or glob if it is an image. A file of another
// content with an image's extension is a failure: the user would miss it.
func (e *expander) member(path, relative string) {
	name := filepath.Base(path)
	info, err := os.Stat(path)
	switch {
	case e.Take != nil && err == nil && !e.Take(path, info):
		return
	case isJunk(name):
		e.note(path, "Ignored: not an image but a file that systems leave behind.")
		return
	case isOwnOutput(name):
		e.note(path, "Ignored: made by an earlier run; name the file itself to upscale it again.")
		return
	case err != nil:
		e.fail(path, unreadable(err))
		return
	case !info.Mode().IsRegular():
		e.note(path, "Ignored: not a regular file.")
		return
	case e.repeated(path):
		return
	}
	in, err := sniffFile(path)
	_, claims := imagedata.ParseFormat(filepath.Ext(path))
	switch {
	case err == nil && in.Film:
		e.note(path, "Film left out, since one takes hours; name the file itself to upscale it.")
	case err == nil:
		in.Path, in.Relative, in.Size = path, relative, info.Size()
		e.add(in)
	case claims, fault.KindOf(err) != fault.Invalid && fault.KindOf(err) != fault.Unsupported:
		e.fail(path, err)
	default:
		e.note(path, "Ignored: "+fault.Sentence(err))
	}
}

// repeated reports whether a file was added before, and notes it.
func (e *expander) repeated(path string) bool {
	absolute := absolute(path)
	if e.seen[absolute] {
		e.note(path, "Named more than once; it is made once.")
		return true
	}
	e.seen[absolute] = true
	return false
}

func (e *expander) note(path, message string) {
	e.found.Notes = append(e.found.Notes, Note{path, message})
}

func (e *expander) fail(path string, err error) {
	e.found.Failures = append(e.found.Failures, Failure{path, err})
}

// sameFile reports whether two paths name the same file or folder. Paths that do
// not exist are compared as text.
func sameFile(a, b string) bool {
	first, errA := os.Stat(a)
	second, errB := os.Stat(b)
	if errA == nil && errB == nil {
		return os.SameFile(first, second)
	}
	return absolute(a) == absolute(b)
}
