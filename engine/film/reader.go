package film

import (
	"context"
	"hash/crc32"

	"upscaled/models/fault"
)

// Frame identifies a decoded frame: its time in units of Film.Base and a checksum of
// its samples.
type Frame struct {
	Time int64
	Sum  uint32
}

func (p *picture) frame() Frame { return Frame{p.time, max(1, crc32.ChecksumIEEE(p.raw))} }

// anySum is the Sum of frames whose samples are not compared.
const anySum = 0

// is reports whether a frame, nil if there is none, is the expected one.
func (p *picture) is(expected Frame) bool {
	return p != nil && p.time == expected.Time && (expected.Sum == anySum || p.frame() == expected)
}

// reader reads the frames of a film from one on. It seeks to the key frame before it,
// and decodes the film from its beginning if that yields other frames.
type reader struct {
	*decoding
	next *picture
	// passed counts the frames that were read.
	passed int64
	// want are the first frames, as an earlier decoding found them; again returns a
	// decoding from the film's beginning that has passed the frame of an index among
	// them, nil if there is nothing else to try.
	want  []Frame
	again func(index int64) (*decoding, error)
}

// readFrom returns a reader of the frames after a number of others: those of want and
// then all up to to.
func (r *run) readFrom(ctx context.Context, before int64, want []Frame, to int64) (*reader, error) {
	whole := func(index int64) (*decoding, error) {
		d, err := r.Tools.decode(ctx, r.film, r.from, r.end)
		for range before + index {
			if err != nil {
				return d, err
			}
			_, err = d.read()
		}
		return d, err
	}
	if before == 0 {
		d, err := whole(0)
		return &reader{decoding: d, want: want}, err
	}
	d, err := r.Tools.decode(ctx, r.film, want[0].Time, to)
	return &reader{decoding: d, want: want, again: whole}, err
}

// close ends the process.
func (r *reader) close() {
	if r.decoding != nil {
		r.decoding.close()
	}
}

// peek returns the next frame, nil at the end.
func (r *reader) peek() (*picture, error) {
	for r.next == nil {
		p, err := r.read()
		//guard:film-seek TestOddFilmsInParts => false
		if expected := r.passed < int64(len(r.want)); expected && fault.KindOf(err) != fault.Canceled && !p.is(r.want[r.passed]) {
			if r.again == nil {
				return nil, fault.Wrap(fault.Internal, err, "The film is decoded otherwise than before.")
			}
			r.close()
			if r.decoding, err = r.again(r.passed); err != nil {
				return nil, err
			}
			r.again = nil
			continue
		}
		if err != nil || p == nil {
			return nil, err
		}
		r.next = p
		r.passed++
	}
	return r.next, nil
}
