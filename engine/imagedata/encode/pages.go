package encode

import (
	"encoding/binary"
	"io"

	"upscaled/engine/imagedata/metadata/ifd"
)

// Pages is a TIFF file to which images are added one after another, each by an
// encoder of its own on the same writer, which must be a seeker. The zero value is an
// empty file. If a page but the first fails, it is no part of the file, and the next
// one is written over it. It is not safe for concurrent use.
type Pages struct {
	order binary.ByteOrder // of the first page, nil before it
	start int64            // offset in the seeker at which the file begins
	bytes int64            // of the finished pages
	link  int64            // position of the last directory's pointer to the next
}

func (p *Pages) begun() bool { return p != nil && p.order != nil }

// follow makes an encoder write behind the finished pages.
func (p *Pages) follow(e *tiffEncoder) error {
	e.start, e.offset, e.link = p.start, p.bytes, p.link
	_, err := e.seeker.Seek(p.start+p.bytes, io.SeekStart)
	return err
}

// add adds the page that an encoder has finished. directories are the end of the file,
// the page's own one is at an offset of it.
func (p *Pages) add(e *tiffEncoder, directories []byte, at uint32) {
	if p != nil {
		main := directories[int64(at)-(e.offset-int64(len(directories))):]
		*p = Pages{e.order, e.start, e.offset, int64(at) + ifd.NextLink(e.order, main)}
	}
}
