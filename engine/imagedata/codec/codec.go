// Package codec reads HEIC, AVIF, JPEG XL and JPEG 2000 and writes AVIF and JPEG XL with
// the system's libheif, libjxl and OpenJPEG.
//
// Why the system's: no Go package reads these formats whole. The WebAssembly modules
// that can be had (gen2brain's avif 0.4.4 and heic 0.4.5) reduce HEIC to 8 bits, know
// no profiles, premultiply alpha, compile out the error paths of their decoders
// (setjmp), are not updated by a distribution, and bring a loader of whatever library
// is installed that corrupts stacks. Their HEIC part is under the LGPL, which the
// system's library leaves to the system. JPEG XL and JPEG 2000 exist there not at all.
//
// The libraries are C and C++ and have had their share of holes, and uploads are
// hostile. So each file is worked on by a process of its own, whose memory and CPU time
// are bounded: the program starts itself again, and C code takes over before Go's
// runtime begins (child_linux.c). A crash is a damaged file. The program itself never
// opens the libraries, and files are read the same way on every machine that has them.
package codec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/metadata"
	"upscaled/models/fault"
)

// Image is the header of a file. Orientation has been applied.
type Image struct {
	Width, Height, Channels, Depth int
	// Bits is the number of bits that count if that is between 8 and 16, otherwise 0.
	Bits  int
	Alpha bool
	// Primaries and Transfer are code points of ITU-T H.273, 0 if the file has none.
	Primaries, Transfer int
	// Notes are sentences about parts that are left out.
	Notes          []string
	ICC, EXIF, XMP []byte
}

// Bounds limit the resources of a child.
type Bounds struct {
	Memory  int64 // bytes of address space
	Seconds int   // of CPU time
}

// Options configure an encoder.
type Options struct {
	Quality  int // 1 to 100
	Lossless bool
	// Primaries and Transfer describe samples without a profile.
	Primaries, Transfer int
	ICC, EXIF, XMP      []byte
	// Light is the payloads of PNG's mDCV and cLLI, zeros if there is none. Only AVIF
	// holds it.
	Light []byte
}

// library is the library of a format.
type library struct{ name, debian string }

// libraryOf returns the library of a format and the Debian packages to install.
func libraryOf(f imagedata.Format) library {
	switch f {
	case imagedata.JXL:
		return library{"libjxl", "libjxl0.7 or a later libjxl0.N"}
	case imagedata.JP2:
		return library{"OpenJPEG", "libopenjp2-7"}
	case imagedata.AVIF:
		return library{"libheif and its AV1 plugins", "libheif1; since Debian 13 also libheif-plugin-dav1d to read, libheif-plugin-aomenc to write"}
	}
	return library{"libheif and its HEVC plugin", "libheif1; since Debian 13 also libheif-plugin-libde265"}
}

// Numbers of the verbs and, in their order, the formats in codec_linux.h.
const probe, decode, encode, check = 0, 1, 2, 3

// Formats lists the formats of this package.
func Formats() []imagedata.Format {
	return []imagedata.Format{imagedata.HEIC, imagedata.AVIF, imagedata.JXL, imagedata.JP2}
}

// Check returns an error that names the package to install if a format's library is
// not there.
func Check(f imagedata.Format) error {
	return run(f, request{Verb: check}, [5][]byte{}, func(name string, _ int64, _ io.Reader) error {
		return fmt.Errorf("unexpected %q", name)
	})
}

// request mirrors struct request in codec_linux.h.
type request struct {
	Verb, Format, Threads, Seconds                           int32
	Memory                                                   int64
	Sizes                                                    [5]int64
	Width, Height, Channels, Depth, Alpha, Quality, Lossless int32
	Primaries, Transfer, Bits                                int32
}

// header mirrors struct image there.
type header struct {
	Width, Height, Channels, Depth, Alpha, Primaries, Transfer, Notes, Bits int32
}

// threads is the number of threads of a child, the same on all machines: encoders divide
// their work by it.
const threads = 4

// Probe reads a header. The file may still be damaged.
func Probe(f imagedata.Format, data []byte, b Bounds) (Image, error) {
	var img Image
	var head header
	found := false
	err := run(f, request{Verb: probe, Memory: b.Memory, Seconds: int32(b.Seconds)}, [5][]byte{data}, func(name string, size int64, r io.Reader) error {
		part := map[string]*[]byte{"ICC ": &img.ICC, "EXIF": &img.EXIF, "XMP ": &img.XMP}[name]
		switch {
		case name == "HEAD":
			found = true
			return binary.Read(r, binary.NativeEndian, &head)
		case part == nil || size > maxMetadata:
			return fmt.Errorf("unexpected %q of %d bytes", name, size)
		case *part != nil: // the first one counts
			_, err := io.CopyN(io.Discard, r, size)
			return err
		}
		*part = make([]byte, size)
		_, err := io.ReadFull(r, *part)
		return err
	})
	if err == nil && !found {
		err = damaged(f, errors.New("no header"))
	}
	img.Width, img.Height, img.Channels, img.Depth = int(head.Width), int(head.Height), int(head.Channels), int(head.Depth)
	img.Alpha, img.Primaries, img.Transfer = head.Alpha != 0, int(head.Primaries), int(head.Transfer)
	img.Notes, img.Bits = sentences(head.Notes), int(head.Bits)
	return img, err
}

const maxMetadata = 64 << 20

// sentences are the texts of enum note in codec_linux.h.
func sentences(bits int32) []string {
	var notes []string
	for i, sentence := range []string{
		"The animation's first frame was taken.",
		metadata.GainMap,
		"The depth map was left out.",
		"An auxiliary image was left out.",
		"The file holds several images; the main one was taken.",
		"Channels besides color and transparency were left out.",
		"Floating-point samples were converted to 16 bits; values outside 0 to 1 were clipped.",
	} {
		if bits>>i&1 != 0 {
			notes = append(notes, sentence)
		}
	}
	return notes
}

// Decode decodes the pixels of a file whose header is known.
func Decode(f imagedata.Format, data []byte, img Image, b Bounds) (imagedata.Frame, error) {
	frame := imagedata.Frame{Color: imagedata.NewRaster(img.Width, img.Height, img.Channels, img.Depth)}
	if img.Alpha {
		frame.Alpha = new(imagedata.NewRaster(img.Width, img.Height, 1, img.Depth))
	}
	missing := map[string]*imagedata.Raster{"COLR": &frame.Color}
	if img.Alpha {
		missing["ALPH"] = frame.Alpha
	}
	//guard:codec-memory TestBounds => request{Verb: decode, Seconds: int32(b.Seconds)}
	q := request{Verb: decode, Memory: b.Memory, Seconds: int32(b.Seconds)}
	err := run(f, q, [5][]byte{data}, func(name string, size int64, r io.Reader) error {
		raster := missing[name]
		if raster == nil {
			_, err := io.CopyN(io.Discard, r, size)
			return err
		}
		delete(missing, name)
		return read(r, size, raster)
	})
	if err == nil && len(missing) > 0 {
		err = damaged(f, errors.New("no pixels"))
	}
	return frame, err
}

// read fills a raster from samples in native byte order.
func read(r io.Reader, size int64, raster *imagedata.Raster) error {
	if size != int64(len(raster.Pix)+2*len(raster.Pix16)) {
		return errors.New("header and pixels have different sizes")
	}
	if raster.Pix != nil {
		_, err := io.ReadFull(r, raster.Pix)
		return err
	}
	var buffer [1 << 15]byte
	for rest := raster.Pix16; len(rest) > 0; {
		part := buffer[:min(len(buffer), 2*len(rest))]
		if _, err := io.ReadFull(r, part); err != nil {
			return err
		}
		for i := range len(part) / 2 {
			rest[i] = binary.NativeEndian.Uint16(part[2*i:])
		}
		rest = rest[len(part)/2:]
	}
	return nil
}

// Encode writes a file. pixels are interleaved samples in native byte order, alpha
// last; img describes them.
func Encode(w io.Writer, f imagedata.Format, img Image, pixels []byte, o Options) error {
	q := request{
		Verb: encode, Width: int32(img.Width), Height: int32(img.Height), Channels: int32(img.Channels), Depth: int32(img.Depth),
		Quality: int32(o.Quality), Primaries: int32(o.Primaries), Transfer: int32(o.Transfer), Bits: int32(img.Bits),
	}
	if img.Alpha {
		q.Alpha = 1
	}
	if o.Lossless {
		q.Lossless = 1
	}
	return run(f, q, [5][]byte{pixels, o.ICC, o.EXIF, o.XMP, o.Light}, func(name string, size int64, r io.Reader) error {
		if name != "FILE" {
			return fmt.Errorf("unexpected %q", name)
		}
		_, err := io.CopyN(w, r, size)
		return err
	})
}

// records calls take for each record of a child until the last. It returns io.EOF if
// the child ends before that.
func records(f imagedata.Format, r io.Reader, take func(name string, size int64, r io.Reader) error) error {
	for {
		var head [12]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return io.EOF
		}
		name, size := string(head[:4]), int64(binary.NativeEndian.Uint64(head[4:]))
		switch name {
		case "DONE":
			return nil
		case "FAIL":
			var text bytes.Buffer
			_, _ = io.CopyN(&text, r, min(size, 512))
			return failure(f, text.String())
		}
		if err := take(name, size, r); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return io.EOF
			}
			return err
		}
	}
}

// failure converts a child's report, a letter and a text, to an error.
func failure(f imagedata.Format, text string) error {
	if text == "" {
		return damaged(f, errors.New("no reason"))
	}
	switch text[0] {
	case 'm':
		return missing(f, errors.New(text[1:]))
	case 'l':
		return fault.Wrap(fault.TooLarge, errors.New(text[1:]), "The %s image is too large for its decoder; scale it down first.", f.Name())
	case 'u':
		return fault.Wrap(fault.Unsupported, errors.New(text[1:]),
			"This variant of %s is not supported; convert the image to PNG or JPEG first.", f.Name())
	}
	return damaged(f, errors.New(text[1:]))
}

func missing(f imagedata.Format, cause error) error {
	need := libraryOf(f)
	return fault.Wrap(fault.Unsupported, cause,
		"%s needs %s, which this computer lacks (Debian's package: %s); or use PNG or JPEG.", f.Name(), need.name, need.debian)
}

func damaged(f imagedata.Format, cause error) error {
	return fault.Wrap(fault.Invalid, cause, "The %s file is damaged and cannot be decoded.", f.Name())
}
