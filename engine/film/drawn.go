package film

import (
	"context"
	"strconv"

	"upscaled/models/fault"
)

// The models that are chosen unless one is named: Model is fast, suits everything and
// keeps still what is still; DrawnModel was trained for drawings.
const (
	Model      = "realesr-general-x4v3"
	DrawnModel = "realesr-animevideov3"
)

// Notes on the model that was chosen for drawings.
const (
	NoteDrawn        = "The film looks drawn, so " + DrawnModel + " was used."
	NoteDrawnMissing = "The film looks drawn; " + DrawnModel + ", which suits drawings, is not installed, so " + Model + " was used."
)

// modelNamed reports whether the request leaves no choice of the model.
func (o Options) modelNamed() bool {
	return o.Request.Model != "" || o.Request.Denoise != nil || o.Request.Filter != ""
}

// chooseModel chooses the model unless one is named. It asks the engine, which may
// download it.
func (r *run) chooseModel(ctx context.Context) error {
	if r.Request.Filter != "" || r.Request.Model != "" {
		return nil
	}
	chosen := !r.modelNamed()
	r.Request.Model = Model
	if !chosen {
		return nil
	}
	drawn, err := r.drawn(ctx, r.film)
	if err != nil || !drawn {
		return err
	}
	q := r.Request
	q.Model, q.Source = DrawnModel, r.described()
	switch _, err := r.Engine.Describe(ctx, q); {
	case err == nil:
		r.Request.Model = DrawnModel
		r.note(NoteDrawn)
	case fault.KindOf(err) == fault.Canceled:
		return err
	default:
		r.note(NoteDrawnMissing)
	}
	return nil
}

// drawn reports whether three of four key frames, spread over the film, are drawings. A
// photograph suffers more from the model for drawings than the other way round.
func (o Options) drawn(ctx context.Context, f *Film) (bool, error) {
	const samples = 9
	from, to := o.From.Seconds(), f.duration
	if o.To > 0 {
		to = min(to, o.To.Seconds())
	}
	votes, yes := 0, 0
	for i := range samples {
		at := from + max(0, to-from)*(float64(i)+0.5)/samples
		vote, err := o.Tools.vote(ctx, f, at)
		if err != nil {
			return false, err
		}
		votes, yes = votes+abs(vote), yes+max(0, vote)
	}
	return votes > 0 && 4*yes >= 3*votes, nil
}

// vote returns 1 if the key frame at a time, in seconds, is a drawing, -1 if it is not,
// and 0 if it is nearly empty or cannot be read.
func (t Tools) vote(ctx context.Context, f *Film, at float64) (int, error) {
	const side = 720 // pixels of the frame's center that are looked at
	width, height := min(f.Width, side), min(f.Height, side)
	arguments := quiet("-noaccurate_seek", "-ss", strconv.FormatFloat(at, 'f', 3, 64), "-skip_frame", "nokey")
	arguments = append(append(arguments, safely(f.Path)...), "-map", "0:"+strconv.Itoa(f.video), "-frames:v", "1",
		"-vf", "crop="+strconv.Itoa(width)+":"+strconv.Itoa(height)+":exact=1", "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1")
	out, _, err := output(ctx, t.ffmpeg, arguments...)
	switch {
	case ctx.Err() != nil:
		return 0, canceled(ctx)
	case err != nil, len(out) != 3*width*height: // there is none, or it is damaged
		return 0, nil
	}
	return looksDrawn(out, width), nil
}

// looksDrawn looks at the steps between neighbors. In drawings most are none, and of the
// others many are the large ones of outlines; in photographs small steps prevail.
func looksDrawn(rgb []byte, width int) int {
	const none, large = 3, 24 // of 255, in any channel
	flat, steep, all := 0, 0, 0
	for i := 3 * (width + 1); i < len(rgb); i += 3 {
		step := 0
		for c := range 3 {
			here := int(rgb[i+c])
			step = max(step, abs(here-int(rgb[i+c-3])), abs(here-int(rgb[i+c-3*width])))
		}
		all++
		switch {
		case step <= none:
			flat++
		case step >= large:
			steep++
		}
	}
	rest := all - flat
	switch {
	case rest*50 < all: // all but empty, as a fade is
		return 0
	case flat*2 > all && steep*10 > 3*rest:
		return 1
	}
	return -1
}

func abs(v int) int { return max(v, -v) }
