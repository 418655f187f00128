package film

import (
	"context"
	"errors"
	"io"
	"os"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/engine/imagedata/encode"
	"upscaled/models/fault"
)

// mostWebP bounds the bytes of an animated WebP file, which is held in memory.
const mostWebP = 256 << 20

// readable returns the path of a file with the film's frames that ffmpeg reads. It does
// not read animated WebP, of which a temporary animated PNG is made.
func (r *run) readable(ctx context.Context) (string, error) {
	file, err := os.Open(r.Input)
	if err != nil {
		return r.Input, nil // which is reported when it is probed
	}
	defer file.Close()
	head := make([]byte, 12)
	if _, err := io.ReadFull(file, head); err != nil || string(head[:4]) != "RIFF" || string(head[8:]) != "WEBP" {
		return r.Input, nil
	}
	if info, err := file.Stat(); err == nil && info.Size() > mostWebP {
		return "", fault.New(fault.TooLarge, "An animated WebP file may have at most %d MiB; convert it to PNG or a film first.", mostWebP>>20)
	}
	data, err := os.ReadFile(r.Input)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, err, "The film cannot be read.")
	}
	images, err := decode.Open(data, r.Limits)
	if err != nil {
		return "", err
	}
	info := images.Info()
	if info.Frames < 2 {
		return "", fault.New(fault.Unsupported, "The image is not animated, so no film can be made of it.")
	}
	made, err := os.CreateTemp("", "upscaled-*.png")
	if err != nil {
		return "", unwritable(err)
	}
	r.converted = made.Name()
	return r.converted, errors.Join(copyFrames(ctx, images, made), made.Close())
}

// close removes the temporary copy.
func (r *run) close() {
	if r.converted != "" {
		_ = os.Remove(r.converted)
	}
}

// copyFrames writes the frames of an image as PNG.
func copyFrames(ctx context.Context, images *decode.Decoder, to io.Writer) error {
	info := images.Info()
	header := encode.Header{Width: info.Width, Height: info.Height, Channels: info.Channels, Depth: info.Depth, Alpha: info.Alpha, Frames: info.Frames}
	whole, err := encode.New(to, header, encode.Options{Format: imagedata.PNG})
	for err == nil {
		frame, ended := images.Next()
		switch {
		case ended == io.EOF:
			return whole.Close()
		case ended != nil:
			return ended
		case ctx.Err() != nil:
			return canceled(ctx)
		}
		if err = whole.BeginFrame(frame.Delay); err == nil {
			err = whole.WriteBand(frame.Color, frame.Alpha)
		}
	}
	return unwritable(err)
}
