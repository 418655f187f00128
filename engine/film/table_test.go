//go:build e2e

package film_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// probed is what ffprobe says of a film.
type probed struct {
	Format   struct{ Tags map[string]string }
	Streams  []map[string]any
	Chapters []struct {
		Start string `json:"start_time"`
		End   string `json:"end_time"`
		Tags  map[string]string
	}
	Frames  []map[string]any
	Packets []struct {
		Stream int    `json:"stream_index"`
		Time   string `json:"pts_time"`
	}
}

func probe(t testing.TB, path string) (p probed) {
	t.Helper()
	for _, sections := range [][]string{{"-show_format", "-show_streams", "-show_chapters"}, {"-select_streams", "v:0", "-show_frames"}, {"-show_packets"}} {
		out := run(t, filepath.Dir(path), "ffprobe", append([]string{"-v", "quiet", "-of", "json", path}, sections...)...)
		if err := json.Unmarshal(out, &p); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// times returns the time of every frame.
func (p probed) times() (all []string) {
	for _, frame := range p.Frames {
		all = append(all, fmt.Sprint(frame["pts_time"]))
	}
	return all
}

// others returns times of all packets but the video's.
func (p probed) others(video int) (all []string) {
	for _, packet := range p.Packets {
		if packet.Stream != video {
			if p.Streams[packet.Stream]["codec_name"] == "opus" {
				continue // ffmpeg 5 moves Opus by its 6.5 ms of priming at every copy
			}
			time, _ := strconv.ParseFloat(packet.Time, 64)
			all = append(all, fmt.Sprintf("%d %.3f", packet.Stream, time))
		}
	}
	slices.Sort(all)
	return all
}

// stream returns facts of a stream that an upscaled film keeps.
func stream(s map[string]any) string {
	keys := []string{"codec_type", "sample_aspect_ratio", "color_range", "color_space", "color_transfer", "color_primaries", "channels", "sample_rate"}
	if s["codec_type"] != "video" {
		keys = append(keys, "codec_name")
	}
	var facts []string
	for _, key := range keys {
		facts = append(facts, fmt.Sprint(s[key]))
	}
	tags, _ := s["tags"].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		// Those of the encoder and the muxer are not the film's.
		if lower := strings.ToLower(key); lower != "encoder" && lower != "duration" && lower != "vendor_id" && lower != "handler_name" {
			facts = append(facts, fmt.Sprint(lower, "=", tags[key]))
		}
	}
	return strings.Join(facts, " ")
}

// kept compares a film with its upscaled copy.
func kept(t *testing.T, before, after probed) {
	t.Helper()
	if a, b := before.times(), after.times(); !slices.Equal(a, b) {
		t.Errorf("the frames' times are %d\n%q\nof %d\n%q", len(b), b, len(a), a)
	}
	if before.Streams[0]["codec_name"] == "gif" {
		return // whose stream has no tags
	}
	if len(before.Streams) != len(after.Streams) {
		t.Fatalf("%d streams became %d", len(before.Streams), len(after.Streams))
	}
	video := slices.IndexFunc(before.Streams, func(s map[string]any) bool { return s["codec_type"] == "video" })
	for i := range before.Streams {
		if a, b := stream(before.Streams[i]), stream(after.Streams[i]); a != b {
			t.Errorf("stream %d became\n%s\nof\n%s", i, b, a)
		}
	}
	if a, b := before.others(video), after.others(video); !slices.Equal(a, b) {
		t.Errorf("other packets became\n%q\nof\n%q", b, a)
	}
	if a, b := fmt.Sprint(before.Chapters), fmt.Sprint(after.Chapters); a != b {
		t.Errorf("chapters became %s of %s", b, a)
	}
	for key, value := range before.Format.Tags {
		if after.Format.Tags[key] != value && !strings.EqualFold(key, "encoder") {
			t.Errorf("tag %s became %q of %q", key, after.Format.Tags[key], value)
		}
	}
}

// A film whose frames are stored lying is upscaled upright and shown as it was.
func TestRotation(t *testing.T) {
	t.Parallel()
	tools(t)
	root := t.TempDir()
	ffmpeg(t, root, "-f", "lavfi", "-i", "testsrc2=s=64x48:r=10,setsar=4/3", "-t", "0.5", "-c:v", "libx264", "a.mp4")
	ffmpeg(t, root, "-i", "a.mp4", "-c", "copy", "-metadata:s:v", "rotate=90", "b.mp4")
	o := options(t, filepath.Join(root, "b.mp4"), filepath.Join(root, "c.mp4"))
	upscale(t, o)
	before, after := probe(t, o.Input), probe(t, o.Output)
	video := after.Streams[0]
	if !slices.Equal(before.times(), after.times()) || fmt.Sprint(video["width"], "x", video["height"], " ", video["sample_aspect_ratio"], video["side_data_list"]) != "48x64 3:4<nil>" {
		t.Errorf("the turned film became %v", video)
	}
}

// films are made by ffmpeg. name is the file's, of whose kind the output is.
var films = []struct {
	title, name string
	arguments   string
	note        string // in one of the notes
}{
	{"constant rate", "a.mp4", "-f lavfi -i testsrc2=s=64x48:r=24 -f lavfi -i sine -t 2 -c:v libx264 -c:a aac -metadata title=Name", ""},
	{"23.976", "a.mkv", "-f lavfi -i mandelbrot=s=64x48:r=24000/1001 -t 2 -c:v libx264 -metadata:s:v:0 language=fre", ""},
	{"variable rate", "a.mp4", "-f lavfi -i testsrc2=s=64x48:r=30 -t 2 -vf select='not(mod(n\\,7))+not(mod(n\\,5))' -fps_mode vfr -c:v libx264 -video_track_timescale 90000", ""},
	{"variable rate, B frames", "a.mkv", "-f lavfi -i testsrc2=s=64x48:r=50 -t 2 -vf select='gt(random(1)\\,0.5)' -fps_mode vfr -c:v libx264 -bf 3", ""},
	{"interlaced", "a.mkv", "-f lavfi -i testsrc2=s=64x48:r=60000/1001 -t 1 -vf interlace,setfield=tff -c:v mpeg2video -flags +ilme+ildct", "deinterlaced"},
	{"anamorphic", "a.mp4", "-f lavfi -i testsrc2=s=72x58:r=25 -t 1 -vf setsar=64/45 -c:v libx264 -colorspace smpte170m -color_primaries smpte170m -color_trc smpte170m -color_range tv", ""},
	{"transport stream that starts late", "a.ts", "-f lavfi -i testsrc2=s=64x48:r=25 -f lavfi -i sine -t 1 -c:v libx264 -c:a aac", ""},
	{"HDR10", "a.mkv", "-f lavfi -i testsrc2=s=64x64:r=24 -t 0.5 -pix_fmt yuv420p10le -c:v libx265 -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc -color_range tv " +
		"-x265-params log-level=error:hdr10=1:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=1000,400", ""},
	{"HLG", "a.mp4", "-f lavfi -i testsrc2=s=64x64:r=24 -t 0.5 -pix_fmt yuv420p10le -c:v libx265 -tag:v hvc1 -color_primaries bt2020 -color_trc arib-std-b67 -colorspace bt2020nc -color_range tv -x265-params log-level=error", ""},
	{"surround, subtitles, chapters, fonts", "a.mkv", "-f lavfi -i testsrc2=s=64x48:r=24 -f lavfi -i sine -i a.srt -i b.srt -i chapters.txt -t 2 -map 0 -map 1 -map 2 -map 3 -map_metadata 4 " +
		"-c:v libx264 -c:a ac3 -ac 6 -c:s srt -attach a.srt -metadata:s:t mimetype=application/x-truetype-font -metadata:s:t filename=a.ttf -metadata:s:s:0 language=ger -metadata:s:a:0 title=Sound -disposition:s:1 forced", ""},
	{"alpha", "a.webm", "-f lavfi -i testsrc2=s=64x48:r=24,format=yuva420p,geq=lum='p(X\\,Y)':a='4*X' -t 0.5 -c:v libvpx-vp9 -auto-alt-ref 0", ""},
	{"alpha of ProRes", "a.mov", "-f lavfi -i testsrc2=s=64x48:r=24,format=yuva444p10le,geq=lum='p(X\\,Y)':a='4*X' -t 0.3 -c:v prores_ks -profile:v 4444 -vendor apl0", ""},
	{"sound longer than the film", "a.mp4", "-f lavfi -i testsrc2=s=64x48:r=24:d=0.5 -f lavfi -i sine=d=2 -c:v libx264 -c:a aac", ""},
	{"one frame", "a.mp4", "-f lavfi -i testsrc2=s=64x48:r=24 -frames:v 1 -c:v libx264", ""},
	{"static", "a.mp4", "-f lavfi -i color=red:s=64x48:r=24 -t 2 -c:v libx264 -crf 1", "computed once"},
	{"cover", "a.mp4", "-f lavfi -i testsrc2=s=64x48:r=24 -f lavfi -i testsrc2=s=32x32 -map 0 -map 1 -frames:v:0 9 -frames:v:1 1 -c:v:0 libx264 -c:v:1 mjpeg -disposition:v:1 attached_pic -pix_fmt:v:1 yuvj420p", ""},
	{"damaged tail", "a.mkv", "-f lavfi -i testsrc2=s=320x240:r=24 -f lavfi -i sine -t 2 -c:v libx264 -c:a aac", ""},
	{"odd sizes", "a.mkv", "-f lavfi -i mandelbrot=s=63x47:r=24 -t 0.5 -c:v ffv1 -pix_fmt yuv420p", "sides of h264 are even"},
	{"timecode", "a.mov", "-f lavfi -i testsrc2=s=64x48:r=24 -t 0.5 -timecode 01:00:00:00 -c:v libx264", ""},
	{"29.97", "a.mov", "-f lavfi -i mandelbrot=s=64x48:r=30000/1001 -t 0.5 -c:v prores_ks -vendor apl0", ""},
	{"animated GIF", "a.gif", "-f lavfi -i testsrc2=s=64x48:r=20 -t 2 -vf select='not(mod(n\\,3))+not(mod(n\\,7))' -fps_mode vfr", ""},
	{"frames in pairs", "a.mp4", "-f lavfi -i mandelbrot=s=64x48:r=25 -t 1 -vf settb=1/90000,setpts=floor(N/2)*7200+mod(N\\,2)*90 -fps_mode passthrough -enc_time_base 1/90000 -c:v libx264", ""},
	{"time codes in the video", "a.mkv", "-f lavfi -i mandelbrot=s=64x48:r=25 -t 1 -c:v mpeg2video -g 5", ""},
	{"QuickTime's chapters", "a.mov", "-f lavfi -i testsrc2=s=64x48:r=24 -i chapters.txt -t 2 -map 0 -map_metadata 1 -c:v libx264", ""},
	{"AV1", "a.webm", "-f lavfi -i testsrc2=s=64x64:r=24 -f lavfi -i sine -t 0.5 -c:v libsvtav1 -c:a libopus", ""},
}

// light compares the metadata of HDR10, of frames and of the container.
func light(t *testing.T, before, after probed) {
	t.Helper()
	for i, side := range []any{after.Frames[0]["side_data_list"], after.Streams[0]["side_data_list"]} {
		var stated []string
		for _, each := range side.([]any) {
			if kind := fmt.Sprint(each.(map[string]any)["side_data_type"]); strings.Contains(kind, "Mastering") || strings.Contains(kind, "light level") {
				stated = append(stated, kind)
			}
		}
		if len(stated) != 2 {
			t.Errorf("place %d states %q of HDR10", i, stated)
		}
	}
	if a, b := fmt.Sprint(before.Frames[0]["side_data_list"]), fmt.Sprint(after.Frames[0]["side_data_list"]); !strings.Contains(b, "34000/50000") || !strings.Contains(b, "max_content:1000") {
		t.Errorf("HDR10 became %s of %s", b, a)
	}
}

// cut removes the last third of a file.
func cut(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err == nil {
		err = os.Truncate(path, info.Size()*2/3)
	}
	if err != nil {
		t.Fatal(err)
	}
}

const subtitles = "1\n00:00:00,200 --> 00:00:00,900\nOne\n\n2\n00:00:01,000 --> 00:00:01,500\nTwo\n"

const chapters = ";FFMETADATA1\ntitle=Whole\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=First\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=1000\nEND=2000\ntitle=Second\n"

// A film that passes a model which changes nothing has the same frames at the same
// times, and the same of everything else.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	tools(t)
	if testing.Short() {
		t.Skip("it makes many films")
	}
	for _, c := range films {
		t.Run(c.title, func(t *testing.T) {
			t.Parallel()
			root := folder(t, map[string][]byte{"a.srt": []byte(subtitles), "b.srt": []byte(subtitles), "chapters.txt": []byte(chapters)})
			ffmpeg(t, root, append(strings.Fields(c.arguments), c.name)...)
			input := filepath.Join(root, c.name)
			if strings.HasPrefix(c.title, "damaged") {
				cut(t, input)
			}
			output := filepath.Join(root, "out"+strings.NewReplacer(".ts", ".mkv", ".gif", ".mp4").Replace(filepath.Ext(c.name)))
			result := upscale(t, options(t, input, output))
			notes := strings.Join(result.Notes, " ")
			if !strings.Contains(notes, c.note) {
				t.Errorf("notes are %q, want one with %q", notes, c.note)
			}
			if strings.Contains(notes, "damaged") && !strings.HasPrefix(c.title, "damaged") || strings.Contains(notes, "left out") {
				t.Errorf("notes are %q", notes)
			}
			kept(t, probe(t, input), probe(t, output))
			if c.title == "HDR10" {
				light(t, probe(t, input), probe(t, output))
			}
		})
	}
}

// Sound that an output does not hold is converted, and lost sound does not cost the film.
func TestSoundOfEveryKind(t *testing.T) {
	t.Parallel()
	tools(t)
	for _, c := range []struct{ name, arguments, output, sound string }{
		{"side.mkv", "-c:v libx264 -af aformat=channel_layouts=5.1(side) -c:a ac3", "a.webm", "opus"},
		{"flac.mkv", "-c:v libx264 -c:a flac", "a.mp4", "flac"},
		{"dvd.mpg", "-c:v mpeg2video -c:a pcm_dvd", "a.mkv", "flac"},
		{"disc.m2ts", "-c:v libx264 -c:a pcm_bluray", "a.mkv", "flac"},
		{"old.flv", "-c:v flv -ar 44100 -ac 1 -c:a nellymoser", "a.mkv", "flac"},
		{"cut.ts", "-c:v libx264 -c:a aac", "a.mkv", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			ffmpeg(t, root, append(strings.Fields("-f lavfi -i testsrc2=s=64x48:r=25 -f lavfi -i sine -t 0.4 -ar 48000 -ac 2 "+c.arguments), c.name)...)
			input := filepath.Join(root, c.name)
			if c.sound == "" { // after 20 packets of 188 bytes: sound is announced, and none is there
				if err := os.Truncate(input, 20*188); err != nil {
					t.Fatal(err)
				}
			}
			o := options(t, input, filepath.Join(root, c.output))
			notes := upscale(t, o).Notes
			var sound string
			for _, s := range probe(t, o.Output).Streams {
				if s["codec_type"] == "audio" {
					sound = fmt.Sprint(s["codec_name"])
				}
			}
			if sound != c.sound {
				t.Errorf("the sound is %q, want %q; %q", sound, c.sound, notes)
			}
		})
	}
}
