package artifact

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// errNoMember reports that a package lacks a file that the catalogue expects.
var errNoMember = errors.New("the package has no such file")

// maxUnpacked bounds how much of a package is decompressed to find its members,
// in bytes; the largest package in use has 0.7 GB.
const maxUnpacked = 8 << 30

// extract stores the wanted members of a packed npm package, reading it once and
// no farther than needed. The error concerns the package as a whole.
func extract(ctx context.Context, tarball string, items []Item, wanted map[string]int, progress func(Progress)) (map[string]error, error) {
	file, err := os.Open(tarball)
	if err != nil {
		return nil, &localError{err}
	}
	defer file.Close()
	return extractFrom(ctx, file, items, wanted, progress)
}

func extractFrom(ctx context.Context, packed io.Reader, items []Item, wanted map[string]int, progress func(Progress)) (map[string]error, error) {
	unzipped, err := gzip.NewReader(bufio.NewReaderSize(packed, 1<<18))
	if err != nil {
		return nil, fmt.Errorf("open package: %w", err)
	}
	defer unzipped.Close()
	archive := tar.NewReader(&stoppable{io.LimitReader(unzipped, maxUnpacked), ctx.Err})
	results := make(map[string]error, len(wanted))
	for member := range wanted {
		results[member] = errNoMember
	}
	for left := len(wanted); left > 0; {
		header, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read package: %w", err)
		}
		member := memberName(header.Name)
		i, ok := wanted[member]
		if !ok || header.Typeflag != tar.TypeReg || results[member] != errNoMember {
			continue
		}
		left--
		results[member] = store(items[i], &counter{reader: archive, count: func(done int64) {
			progress(Progress{Label: items[i].Artifact.Name, Done: done, Total: items[i].Artifact.Size})
		}})
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return results, nil
}

// memberName drops the top folder of a package's files, usually "package".
func memberName(path string) string {
	_, member, _ := strings.Cut(strings.TrimPrefix(path, "./"), "/")
	return member
}
