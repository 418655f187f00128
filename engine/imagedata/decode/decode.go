// Package decode turns the bytes of an image file into upright rasters that
// preserve what the file has: gray or color, 8 or 16 bits per sample, straight
// alpha, frames with their delays, and metadata. The format is detected from the
// bytes, never from a name, and sizes are checked before pixels are decoded.
package decode

import (
	"fmt"
	"io"
	"slices"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/metadata"
	"upscaled/models/fault"
)

// source is a parsed header and the function that decodes its pixels.
type source struct {
	info imagedata.Info
	// orientation of the stored pixels, 1 to 8. info has the stored size until
	// finish swaps it.
	orientation int
	notes       notes
	// perPixel is the peak memory of decoding per pixel in bytes, including the
	// frame. lighter suggests how to reduce it.
	perPixel float64
	lighter  string
	// scans is set for progressive JPEG, which takes longer.
	scans bool
	// frames prepares decoding and returns a function that returns the upright
	// frames in order. It is called once, after finish.
	frames func() func() (imagedata.Frame, error)
	// refine, unless nil, makes info exact by looking at pixels, after the
	// limits have been checked.
	refine func()
}

// still adapts the decoder of a file with a single image to source.frames.
func still(decode func() (imagedata.Frame, error)) func() func() (imagedata.Frame, error) {
	return func() func() (imagedata.Frame, error) { return decode }
}

// stored describes the pixels before rotation. It is valid after finish.
func (s *source) stored() layout {
	l := layout{
		width: s.info.Width, height: s.info.Height, channels: s.info.Channels,
		alpha: s.info.Alpha, orientation: s.orientation,
	}
	if s.orientation >= 5 {
		l.width, l.height = l.height, l.width
	}
	return l
}

// Decoder returns the frames of one file. It is not safe for concurrent use and
// keeps the data that it was opened with.
type Decoder struct {
	source *source
	next   func() (imagedata.Frame, error)
	given  int
}

// Probe reads headers and metadata only. It fails with fault.TooLarge if a limit
// is exceeded, fault.Unsupported for formats and variants that cannot be read
// and fault.Invalid for anything else that is not an image.
func Probe(data []byte, limits imagedata.Limits) (imagedata.Info, error) {
	return ProbePage(data, 0, limits)
}

// ProbePage is Probe of a page, counted from 1; 0 is the first.
func ProbePage(data []byte, page int, limits imagedata.Limits) (imagedata.Info, error) {
	s, err := inspect(data, page, limits)
	if err != nil {
		return imagedata.Info{}, err
	}
	return s.info, nil
}

// Open is Probe followed by preparing the decoder. data must not change while the
// decoder is in use.
func Open(data []byte, limits imagedata.Limits) (decoder *Decoder, err error) {
	return OpenPage(data, 0, limits)
}

// OpenPage is Open of a page, counted from 1; 0 is the first, and notes that there are
// more.
func OpenPage(data []byte, page int, limits imagedata.Limits) (decoder *Decoder, err error) {
	s, err := inspect(data, page, limits)
	if err != nil {
		return nil, err
	}
	if s.refine != nil {
		defer recoverInvalid(s.info.Format, &err)
		s.refine()
	}
	return &Decoder{source: s}, nil
}

// Info describes the file, in some cases more precisely than Probe: a GIF whose
// transparent color is never used has no alpha here. Every frame has this size,
// depth and alpha.
func (d *Decoder) Info() imagedata.Info { return d.source.info }

// Notes are sentences for the user about parts of the file that are not
// preserved, such as more pages or a CMYK profile.
func (d *Decoder) Notes() []string { return d.source.notes }

// Next decodes the next frame, whole and upright; io.EOF follows the last. The
// caller owns the frame. After an error no more frames are available. Memory
// besides the frame itself is bounded by a small multiple of its size.
func (d *Decoder) Next() (frame imagedata.Frame, err error) {
	if d.given >= d.source.info.Frames {
		return imagedata.Frame{}, io.EOF
	}
	defer recoverInvalid(d.source.info.Format, &err)
	if d.next == nil {
		d.next = d.source.frames()
	}
	frame, err = d.next()
	if err != nil {
		d.given = d.source.info.Frames
		return imagedata.Frame{}, asFault(d.source.info.Format, err)
	}
	if d.given++; d.given == d.source.info.Frames {
		// Intermediate data, such as the planes of a JPEG, need not stay in memory as
		// long as the decoder.
		d.next, d.source.frames, d.source.refine = nil, nil, nil
	}
	return frame, nil
}

// inspect reads everything but pixels and applies the limits.
func inspect(data []byte, page int, limits imagedata.Limits) (s *source, err error) {
	format, err := Sniff(data)
	if err != nil {
		return nil, err
	}
	defer recoverInvalid(format, &err)
	readers := map[imagedata.Format]func([]byte) (*source, error){
		imagedata.JPEG: readJPEG,
		imagedata.PNG:  readPNG,
		imagedata.GIF:  readGIF,
		imagedata.WebP: readWebP,
		imagedata.BMP:  readBMP,
		imagedata.TIFF: func(data []byte) (*source, error) { return readTIFF(data, page) },
	}
	if page > 1 && format != imagedata.TIFF {
		return nil, noPage(page, 1)
	}
	if read := readers[format]; read != nil {
		s, err = read(data)
	} else {
		s, err = readCodec(format, data)
	}
	if err != nil {
		return nil, asFault(format, err)
	}
	s.info.Format = format
	//guard:pixel-limit TestBadInputIsOneSentence TestGIFLimitsCountFrames
	//guard:pixels-and-memory TestHostileFiles/PNG_60000x60000_of_3_bytes
	if err := checkLimits(s.info, limits); err != nil {
		return nil, err
	}
	if err := checkMemory(s, limits); err != nil {
		return nil, err
	}
	s.finish()
	return s, nil
}

// finish makes the size upright and drops a profile that does not describe the
// samples.
func (s *source) finish() {
	if s.orientation < 1 || s.orientation > 8 {
		s.orientation = 1
	}
	if s.orientation >= 5 {
		s.info.Width, s.info.Height = s.info.Height, s.info.Width
	}
	if s.info.Frames == 1 {
		s.info.Loop = 0
	}
	if s.info.Meta.Resolution.X == 0 {
		s.info.Meta.Resolution = metadata.Resolution(s.info.Meta.EXIF)
	}
	rotated := max(s.orientation, metadata.Orientation(s.info.Meta.EXIF)) // a library may have done it
	for _, note := range metadata.Lost(s.info.Meta.XMP, rotated) {
		s.notes.add(note)
	}
	if rotated > 1 {
		s.info.Meta.XMP = metadata.DropRegions(s.info.Meta.XMP)
	}
	s.keepFittingICC()
}

// credentials is the sentence about C2PA, which signs the bytes of a file.
const credentials = "The content credentials (C2PA) were left out: they vouch for the file as it was."

// notes are sentences for the user.
type notes []string

// add adds a sentence that is not there yet.
func (n *notes) add(sentence string) {
	if !slices.Contains(*n, sentence) {
		*n = append(*n, sentence)
	}
}

// intact returns a block of metadata as valid does, and notes one that it rejects.
func (n *notes) intact(name string, valid func([]byte) []byte, block []byte) []byte {
	out := valid(block)
	if out == nil && len(block) > 0 {
		n.add("The " + name + " is damaged and was left out.")
	}
	return out
}

// keepFittingICC drops a profile that does not describe the samples, such as a
// CMYK image's, and adds a note.
func (s *source) keepFittingICC() {
	profile := s.info.Meta.ICC
	if len(profile) == 0 {
		s.info.Meta.ICC = nil
		return
	}
	s.info.Meta.ICC = metadata.ICC(profile, s.info.Channels)
	if s.info.Meta.ICC == nil {
		s.notes.add("The color profile does not describe the decoded image and was left out.")
	}
}

// recoverInvalid reports a panic in a third-party decoder as a damaged file.
//
//guard:frame-outside
func recoverInvalid(format imagedata.Format, err *error) {
	if cause := recover(); cause != nil {
		*err = fault.Wrap(fault.Invalid, fmt.Errorf("decoder panicked: %v", cause),
			"The %s file is damaged and cannot be decoded.", format.Name())
	}
}
