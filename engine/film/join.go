package film

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"upscaled/models/fault"
)

// joined is the name of the finished film in the work folder.
const joined = "joined"

// mapping says which streams of the film go to the output, and how.
type mapping struct {
	arguments []string
	notes     []string
	sparse    bool // whether there are some of input 2
}

// staleTags lists tags of a video that describe how it was encoded, which an empty value
// removes.
func staleTags() []string {
	return []string{"encoder", "BPS", "NUMBER_OF_BYTES", "NUMBER_OF_FRAMES", "DURATION", "_STATISTICS_TAGS", "_STATISTICS_WRITING_APP", "_STATISTICS_WRITING_DATE_UTC"}
}

// mapStreams maps all streams in their order, the upscaled video in place of its own:
// input 0. The others are read from input 1, and those that may have no packet for long
// from input 2, the same film: ffmpeg reads on until it has one, and would hold all of
// the sound before it in memory.
func (f *Film) mapStreams(to container) mapping {
	m := mapping{}
	out := 0
	for i, s := range f.Streams {
		name := strconv.Itoa(out)
		if i == f.video {
			m.arguments = append(m.arguments, "-map", "0:v:0", "-c:"+name, "copy", "-map_metadata:s:"+name, "1:s:"+strconv.Itoa(i), "-disposition:"+name, "default")
			for _, stale := range staleTags() {
				m.arguments = append(m.arguments, "-metadata:s:"+name, stale+"=")
			}
			out++
			continue
		}
		codec, note := to.carry(s)
		if note != "" {
			m.notes = append(m.notes, fmt.Sprintf("Stream %d (%s, %s) %s.", i, s.Kind, s.Codec, note))
		}
		if codec == "" {
			continue
		}
		input := "1:"
		if s.Kind == "subtitle" || s.Kind == "data" {
			input, m.sparse = "2:", true
		}
		m.arguments = append(m.arguments, "-map", input+strconv.Itoa(i), "-c:"+name, codec, "-map_metadata:s:"+name, "1:s:"+strconv.Itoa(i))
		if s.Codec == "flac" && codec == "copy" && to.muxer == "mp4" { // ffmpeg 5 calls that experimental
			m.arguments = append(m.arguments, "-strict", "experimental")
		}
		if codec == opus { // the encoder refuses other layouts, such as DVDs' 5.1(side)
			m.arguments = append(m.arguments, "-filter:"+name, "aformat=channel_layouts=7.1|6.1|5.1|5.0|quad|3.0|stereo|mono")
		}
		out++
	}
	return m
}

// carry returns the codec by which a stream gets into the container, "copy" to copy
// it or "" to leave it out, and what a user should know about it.
func (c container) carry(s Stream) (codec, note string) {
	converted := func(codec string) string {
		return "was converted to " + codec + ", because ." + c.extensions[0] + " files do not hold it"
	}
	left := "was left out, because ." + c.extensions[0] + " files do not hold it"
	switch {
	case s.Empty:
		return "", "was left out, because the file holds none of it"
	case s.Tag == "text" && s.Kind == "data": // the titles of QuickTime's chapters, which the muxer writes itself
		return "", ""
	}
	switch s.Kind {
	case "video":
		switch {
		case s.Cover && c.muxer == "webm":
			return "", left
		case !s.Cover:
			return "copy", "is a further video and was copied as it is"
		}
		return "copy", ""
	case "audio":
		if c.audio != nil && !slices.Contains(c.audio, s.Codec) || c.audio == nil && slices.Contains(foreignAudio(), s.Codec) {
			return c.newAudio, converted(c.newAudio)
		}
		return "copy", ""
	case "subtitle":
		switch {
		case slices.Contains(c.subtitles, s.Codec):
			return "copy", ""
		case slices.Contains([]string{"subrip", "ass", "ssa", "webvtt", "mov_text", "text"}, s.Codec):
			return c.newSubtitles, converted(c.newSubtitles)
		}
		return "", left
	case "attachment":
		if c.attachments {
			return "copy", ""
		}
	case "data":
		switch {
		case s.Timecode && c.data: // the muxer makes the stream from the video's tag
			return "", ""
		case c.data && s.Tag == "gpmd": // the only other kind that the muxer takes
			return "copy", ""
		}
	}
	return "", left
}

// join writes the film to a path: the video of a file, whose first frame is at a time,
// and everything else of the input.
func (r *run) join(ctx context.Context, start int64, video, path string) error {
	if r.to.animation {
		return r.animate(ctx, video, path)
	}
	m := r.film.mapStreams(r.to)
	r.result.Notes = append(r.result.Notes, m.notes...)
	// The clusters' times count from the first frame.
	first := strconv.FormatFloat(float64(start)*r.film.Base.Value(), 'f', 6, 64)
	arguments := quiet()
	var cut []string
	if r.From > 0 || r.To > 0 {
		from := r.From.Seconds()
		first = strconv.FormatFloat(float64(start)*r.film.Base.Value()-float64(r.film.started)/1e6-from, 'f', 6, 64)
		cut = append(cut, "-ss", strconv.FormatFloat(from, 'f', 6, 64))
		if r.To > 0 {
			cut = append(cut, "-to", strconv.FormatFloat(r.To.Seconds(), 'f', 6, 64))
		}
	} else {
		arguments = append(arguments, "-copyts")
	}
	// All inputs are files: ffmpeg reads on in the others while a pipe is empty.
	arguments = append(arguments, "-itsoffset", first, "-protocol_whitelist", "file", "-f", "matroska", "-i", "file:"+video)
	arguments = append(append(arguments, cut...), safely(r.film.Path)...)
	if m.sparse {
		arguments = append(append(arguments, cut...), safely(r.film.Path)...)
	}
	arguments = append(arguments, m.arguments...)
	if cut != nil {
		arguments = append(arguments, "-copypriorss", "0") // drops packets before the cut
	}
	arguments = append(arguments, "-map_metadata", "1", "-map_chapters", "1", "-fflags", "+bitexact", "-avoid_negative_ts", "disabled")
	if base := r.film.Base; base.Num == 1 && r.to.muxer != "matroska" && r.to.muxer != "webm" {
		arguments = append(arguments, "-video_track_timescale", strconv.FormatInt(base.Den, 10), "-movflags", "+faststart")
	}
	p := r.Tools.command(ctx, nil, append(arguments, "-f", r.to.muxer, "-y", "file:"+path)...)
	if err := p.start(false, false); err != nil {
		return err
	}
	if err := p.wait(); err != nil {
		return ended(ctx, err, "The upscaled film and the other streams could not be written into one file.")
	}
	return nil
}

// feed writes a number of chunks, which open opens, as one stream of Matroska.
func feed(to io.Writer, chunks int, open func(index int) (io.ReadCloser, error)) error {
	if _, err := to.Write(beginning()); err != nil {
		return err
	}
	for i := range chunks {
		chunk, err := open(i)
		if err != nil {
			return err
		}
		err = feedChunk(to, bufio.NewReader(chunk), i == 0)
		if err = errors.Join(err, chunk.Close()); err != nil {
			return err
		}
	}
	return nil
}

func feedChunk(to io.Writer, chunk *bufio.Reader, tracks bool) error {
	if !tracks {
		id, size, err := readHeader(chunk)
		if err != nil || id != idTracks {
			return errors.Join(errEBML, err)
		}
		if _, err := io.CopyN(io.Discard, chunk, size); err != nil {
			return err
		}
	}
	_, err := io.Copy(to, chunk)
	return err
}

// ended turns the error of a process into one for users.
func ended(ctx context.Context, err error, sentence string) error {
	if ctx.Err() != nil {
		return canceled(ctx)
	}
	return fault.Wrap(fault.Internal, err, "%s", sentence)
}
