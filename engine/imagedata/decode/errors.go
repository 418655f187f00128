package decode

import (
	"errors"
	"fmt"
	"image/png"
	"io"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/jpeg"
	"upscaled/models/fault"
)

// errTruncated reports that a file ends before its image.
var errTruncated = io.ErrUnexpectedEOF

// unsupportedError is a variant of a format that is recognized but not supported.
type unsupportedError string

func (e unsupportedError) Error() string { return string(e) }

// damaged is the error for a broken file; the text is for logs.
type damaged string

func (e damaged) Error() string { return string(e) }

// asFault adds kind and sentence to an error of a format's decoder.
func asFault(format imagedata.Format, err error) error {
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	if ofJPEG, ok := errors.AsType[jpeg.Unsupported](err); ok {
		err = unsupportedError(ofJPEG)
	}
	if own, ok := errors.AsType[unsupportedError](err); ok {
		return fault.New(fault.Unsupported, "%s; convert the image to PNG or JPEG first.", string(own))
	}
	if _, ok := errors.AsType[png.UnsupportedError](err); ok {
		return fault.Wrap(fault.Unsupported, err,
			"This variant of %s cannot be read; convert the image to PNG or JPEG first.", format.Name())
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		// Not io.EOF itself, which callers take as the end of the frames.
		//guard:truncated-file FuzzOpen => fault.Wrap(fault.Invalid, err, "The %s file is truncated.", format.Name())
		return fault.Wrap(fault.Invalid, fmt.Errorf("%w: %v", errTruncated, err),
			"The %s file is truncated: it ends before its image does.", format.Name())
	}
	if of, ok := errors.AsType[png.FormatError](err); ok && (of == "not enough pixel data" || of == "too much pixel data") {
		return fault.Wrap(fault.Invalid, err,
			"The %s file is damaged: its header and its pixels have different sizes.", format.Name())
	}
	return fault.Wrap(fault.Invalid, err, "The %s file is damaged and cannot be decoded.", format.Name())
}

// most is the largest image, in pixels over all frames, that is decoded even
// without limits: anything above is a hostile header.
const most = 1 << 33

// checkLimits checks the size that the header states.
func checkLimits(info imagedata.Info, limits imagedata.Limits) error {
	if info.Width < 1 || info.Height < 1 || info.Frames < 1 {
		return fault.New(fault.Invalid, "The %s file holds no image: it has %d frames of %dx%d pixels.",
			info.Format.Name(), info.Frames, info.Width, info.Height)
	}
	if limits.Side > 0 && max(info.Width, info.Height) > limits.Side {
		return fault.New(fault.TooLarge, "The image is %dx%d pixels and the limit (max-side) is %d pixels per side; scale it down first.",
			info.Width, info.Height, limits.Side)
	}
	allowed := int64(most)
	if limits.Pixels > 0 {
		allowed = min(allowed, limits.Pixels)
	}
	// Quotients cannot overflow; products could.
	if int64(info.Height) <= allowed/int64(info.Width) &&
		int64(info.Frames) <= allowed/(int64(info.Width)*int64(info.Height)) {
		return nil
	}
	if info.Frames > 1 {
		return fault.New(fault.TooLarge,
			"The animation is %dx%d pixels in %d frames and the limit (max-pixels) is %d pixels in total; scale it down first.",
			info.Width, info.Height, info.Frames, allowed)
	}
	return fault.New(fault.TooLarge, "The image is %dx%d pixels and the limit (max-pixels) is %d pixels; scale it down first.",
		info.Width, info.Height, allowed)
}
