package film

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os/exec"
	"strconv"
	"strings"

	"upscaled/models/fault"
)

// picture is a decoded frame: its samples as ffmpeg writes them, interleaved and in
// little-endian order, and its time in units of Film.Base.
type picture struct {
	raw  []byte
	time int64
}

// decoding reads the frames of a film from a process that decodes ahead.
type decoding struct {
	film    *Film
	process *process
	cancel  context.CancelFunc
	times   chan int64
	frames  chan picture
	err     error // set when frames is closed
	last    int64 // time of the frame before
	count   int64 // frames that were read
	moved   int   // frames whose time was missing or not after the one before
}

// ahead is how many decoded frames wait for the model.
const ahead = 2

// noTime stands for a frame without a timestamp.
const noTime = math.MinInt64

// rawPixels is ffmpeg's name of the samples that pass through the pipes.
func rawPixels(depth int, alpha bool) string {
	switch {
	case depth == 16 && alpha:
		return "rgba64le"
	case depth == 16:
		return "rgb48le"
	case alpha:
		return "rgba"
	}
	return "rgb24"
}

// rawSize is the size of a frame in bytes.
func rawSize(width, height, depth int, alpha bool) int {
	channels := 3
	if alpha {
		channels = 4
	}
	return width * height * channels * depth / 8
}

// decode starts reading the frames from, in units of f.Base, up to to.
func (t Tools) decode(ctx context.Context, f *Film, from, to int64) (*decoding, error) {
	pixels := rawPixels(f.Depth, f.Alpha)
	var filters []string
	if f.Interlaced {
		filters = append(filters, "bwdif=mode=send_frame:deint=interlaced")
	}
	filters = append(filters, "settb="+f.Base.String())
	trim := ""
	if from != noTime {
		trim += fmt.Sprintf(":start_pts=%d", from)
	}
	if to != noTime {
		trim += fmt.Sprintf(":end_pts=%d", to)
	}
	if trim != "" {
		filters = append(filters, "trim="+trim[1:])
	}
	// Two filters write each frame's time to standard error. The frames are then numbered,
	// since the muxer refuses some times that films have.
	filters = append(filters, f.toRGB(pixels), "metadata=mode=add:key=u:value=1", `metadata=mode=print:key=u:file='pipe\:2':direct=1`, "setpts=N")
	arguments := quiet("-copyts")
	if seconds := float64(from)*f.Base.Value() - float64(f.started)/1e6 - seekSlack; from != noTime && seconds > 0 {
		arguments = append(arguments, "-ss", strconv.FormatFloat(seconds, 'f', 3, 64))
	}
	if f.decoder != "" {
		arguments = append(arguments, "-c:"+strconv.Itoa(f.video), f.decoder)
	}
	arguments = append(append(arguments, safely(f.Path)...), "-map", "0:"+strconv.Itoa(f.video), "-vf", strings.Join(filters, ","),
		"-fps_mode", "passthrough", "-enc_time_base", f.Base.String(), "-f", "rawvideo", "pipe:1")
	ctx, cancel := context.WithCancel(ctx)
	d := &decoding{film: f, cancel: cancel, times: make(chan int64, 1<<10), frames: make(chan picture, ahead), last: noTime}
	d.process = t.command(ctx, func(line string) bool { return d.timed(ctx, line) }, arguments...)
	if err := d.process.start(false, true); err != nil {
		cancel()
		return nil, err
	}
	go d.pass(ctx)
	return d, nil
}

// seekSlack is how far before the first frame, in seconds, ffmpeg seeks: some formats
// are sought inexactly.
const seekSlack = 10

// timed takes the lines of the metadata filter.
func (d *decoding) timed(ctx context.Context, line string) bool {
	if line == "u=1" {
		return true
	}
	fields := strings.Fields(line)
	if len(fields) < 2 || !strings.HasPrefix(fields[0], "frame:") || !strings.HasPrefix(fields[1], "pts:") {
		return false
	}
	time, err := strconv.ParseInt(fields[1][len("pts:"):], 10, 64)
	if err != nil {
		time = noTime
	}
	select {
	case d.times <- time:
	case <-ctx.Done():
	}
	return true
}

// pass passes frames on until the process ends.
func (d *decoding) pass(ctx context.Context) {
	defer close(d.frames)
	size := rawSize(d.film.Width, d.film.Height, d.film.Depth, d.film.Alpha)
	for {
		p := picture{raw: make([]byte, size)}
		if _, err := io.ReadFull(d.process.out, p.raw); err != nil {
			break // the process's own error says more
		}
		select {
		case p.time = <-d.times:
		case <-ctx.Done():
		}
		select {
		case d.frames <- p:
		case <-ctx.Done():
		}
	}
	if d.err = d.process.wait(); ctx.Err() != nil {
		d.err = ctx.Err()
	}
}

// read returns the next frame, nil at the end.
func (d *decoding) read() (*picture, error) {
	p, more := <-d.frames
	if !more {
		var exit *exec.ExitError
		switch {
		case errors.Is(d.err, context.Canceled), errors.Is(d.err, context.DeadlineExceeded):
			return nil, fault.Wrap(fault.Canceled, d.err, "The operation was canceled.")
		case errors.As(d.err, &exit) && exit.ExitCode() < 0: // by a signal, such as for want of memory
			return nil, fault.Wrap(fault.Internal, d.err, "ffmpeg was killed while it decoded the film.")
		case d.count == 0 && d.err != nil:
			return nil, fault.Wrap(fault.Invalid, d.err, "The film is damaged: none of its frames can be decoded.")
		}
		return nil, nil // the end, or what is left of a damaged film
	}
	switch step := d.film.step(); {
	case p.time == noTime && d.last == noTime:
		p.time = 0
	case p.time == noTime:
		p.time, d.moved = d.last+step, d.moved+1
	case d.last != noTime && p.time <= d.last:
		p.time, d.moved = d.last+1, d.moved+1
	}
	d.last = p.time
	d.count++
	return &p, nil
}

// close ends the process.
func (d *decoding) close() {
	d.cancel()
	for range d.frames { // until it is closed
	}
}

// note says what is wrong with the film, if anything is.
func (d *decoding) note() string {
	switch lines := d.process.said.lines(); {
	case lines > 0 || d.err != nil:
		return fmt.Sprintf("The film is damaged: ffmpeg reported %d errors while decoding; frames that could not be decoded are missing or disturbed.", max(lines, 1))
	case d.moved > 0:
		return fmt.Sprintf("%d frames had no time, or one that was not after that of the frame before; they were moved. If the film was put together from others, run 'ffmpeg -i FILE -c copy NEW.mkv' and upscale NEW.mkv.", d.moved)
	}
	return ""
}

// step is the usual time between two frames, in units of f.Base.
func (f *Film) step() int64 {
	return max(1, int64(math.Round(1/(f.Rate.Value()*f.Base.Value()))))
}
