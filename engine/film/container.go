package film

import (
	"path/filepath"
	"slices"
	"strings"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// container is a format that films are written in.
type container struct {
	extensions []string
	muxer      string
	// reads are ffmpeg's names of the format's demuxers.
	reads string
	// video lists the codecs it holds, the usual ones first.
	video []string
	// audio and subtitles list the codecs that are copied; nil audio are all but
	// foreignAudio. Others become newAudio and newSubtitles.
	audio, subtitles       []string
	newAudio, newSubtitles string
	// attachments and data report whether it holds fonts and streams of data.
	attachments, data bool
	// animation reports that it is an image format that package encode writes.
	animation bool
}

// foreignAudio lists the sound that only discs, tapes and old players' files hold.
func foreignAudio() []string {
	return []string{"pcm_bluray", "pcm_dvd", "s302m", "pcm_s8", "pcm_f32be", "pcm_f64be", "adpcm_ima_qt", "nellymoser", "comfortnoise"}
}

// opus is ffmpeg's name of the encoder.
const opus = "libopus"

func containers() []container {
	return []container{
		{
			extensions: []string{"mkv"}, muxer: "matroska", reads: "matroska,webm", video: []string{H264, HEVC, AV1, VP9, FFV1, ProRes},
			subtitles: []string{"subrip", "ass", "ssa", "webvtt", "dvd_subtitle", "hdmv_pgs_subtitle", "dvb_subtitle"}, newSubtitles: "subrip", attachments: true,
			newAudio: "flac",
		},
		{
			extensions: []string{"mp4", "m4v"}, muxer: "mp4", reads: "mov,mp4,m4a,3gp,3g2,mj2", video: []string{H264, HEVC, AV1, VP9},
			audio: []string{"aac", "mp3", "ac3", "eac3", "opus", "flac", "alac", "mp2"}, newAudio: "aac",
			subtitles: []string{"mov_text"}, newSubtitles: "mov_text",
		},
		{
			extensions: []string{"mov"}, muxer: "mov", reads: "mov,mp4,m4a,3gp,3g2,mj2", video: []string{H264, HEVC, ProRes},
			audio:    []string{"aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_f32le"},
			newAudio: "aac", subtitles: []string{"mov_text"}, newSubtitles: "mov_text", data: true,
		},
		{
			extensions: []string{"webm"}, muxer: "webm", video: []string{VP9, AV1},
			audio: []string{"opus", "vorbis"}, newAudio: opus, subtitles: []string{"webvtt"}, newSubtitles: "webvtt",
		},
	}
}

// animations returns the image formats that films are written in. Their frames are kept
// without loss until all are known.
func animations() (all []container) {
	for _, format := range []imagedata.Format{imagedata.GIF, imagedata.WebP, imagedata.PNG} {
		all = append(all, container{extensions: []string{string(format)}, muxer: string(format), video: []string{FFV1}, animation: true})
	}
	return all
}

// Animated reports whether films are written in an image format.
func Animated(f imagedata.Format) bool {
	return slices.ContainsFunc(animations(), func(c container) bool { return c.muxer == string(f) })
}

// Extensions lists the file extensions of films that can be written, with their dots.
func Extensions() (all []string) {
	for _, c := range containers() {
		for _, extension := range c.extensions {
			all = append(all, "."+extension)
		}
	}
	return all
}

// Names lists the containers that can be written, by their extensions without dots.
func Names() (all []string) {
	for _, extension := range Extensions() {
		all = append(all, extension[1:])
	}
	return all
}

// IsName reports whether a file name has the extension of a film that can be written.
func IsName(name string) bool {
	c, err := containerOf(name)
	return err == nil && !c.animation
}

// OutputExtension returns the extension of the output for an input's: the same one if
// it can be written, else that of Matroska, which holds every stream.
func OutputExtension(input string) string {
	if IsName(input) {
		return filepath.Ext(input)
	}
	return ".mkv"
}

// Name returns the usual extension of the film's container, without a dot.
func (f *Film) Name() string {
	for _, c := range containers() {
		if c.reads == f.Format {
			return c.extensions[0]
		}
	}
	name, _, _ := strings.Cut(f.Format, ",")
	return name
}

func containerOf(name string) (container, error) {
	extension := strings.TrimPrefix(strings.ToLower(filepath.Ext(name)), ".")
	if extension == "apng" {
		extension = string(imagedata.PNG)
	}
	for _, c := range slices.Concat(containers(), animations()) {
		if slices.Contains(c.extensions, extension) {
			return c, nil
		}
	}
	return container{}, fault.New(fault.Unsupported, "Films cannot be written as .%s; use %s, or .gif, .webp or .png for an animation.", extension, strings.Join(Extensions(), ", "))
}

// Sniff reports whether a file's first bytes are those of a film. Films that begin
// with neither are opened if they have the name of one.
func Sniff(head []byte) bool {
	at := func(offset int, mark string) bool {
		return len(head) >= offset+len(mark) && string(head[offset:offset+len(mark)]) == mark
	}
	for _, mark := range []string{
		"\x1a\x45\xdf\xa3", "OggS\x00", "FLV\x01", "\x30\x26\xb2\x75\x8e\x66\xcf\x11", "\x00\x00\x01\xba", "\x00\x00\x01\xb3",
		"\x06\x0e\x2b\x34\x02\x05\x01\x01", "YUV4MPEG2 ", "nut/multimedia container", ".RMF",
	} {
		if at(0, mark) {
			return true
		}
	}
	const transport = 188 // bytes of a packet of MPEG-TS; those of discs are 4 longer
	switch {
	case at(0, "RIFF") && at(8, "AVI "), at(0, "DKIF\x00\x00"),
		at(0, "G") && at(transport, "G"), at(4, "G") && at(4+transport+4, "G"),
		at(4, "moov"), at(4, "mdat"), at(4, "wide"), at(4, "free"), at(4, "skip"):
		return true
	case at(4, "ftyp"):
		// The same container holds still images.
		return len(head) > 12 && !slices.Contains([]string{"heic", "heix", "heim", "heis", "mif1", "avif", "crx "}, string(head[8:12]))
	}
	return false
}
