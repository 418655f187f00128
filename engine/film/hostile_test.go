package film_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"upscaled/engine/film"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// hostile are files that are no film, or lie about what they are.
func hostile(secret string) map[string]string {
	return map[string]string{
		"playlist":           "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n" + secret + "\n#EXT-X-ENDLIST\n",
		"remote playlist":    "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:1/a.ts\n#EXT-X-ENDLIST\n",
		"concatenation":      "ffconcat version 1.0\nfile '" + secret + "'\n",
		"session":            "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
		"manifest":           `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet><Representation><BaseURL>` + secret + `</BaseURL></Representation></AdaptationSet></Period></MPD>`,
		"subtitles":          "1\n00:00:00,000 --> 00:00:01,000\n" + secret + "\n",
		"60000x60000":        "YUV4MPEG2 W60000 H60000 F25:1 Ip A1:1 C420\nFRAME\n",
		"longer than memory": "YUV4MPEG2 W2000000000 H2000000000 F25:1 Ip A1:1 C420\nFRAME\n",
		"no size":            "YUV4MPEG2 W0 H0 F25:1 Ip A1:1 C420\nFRAME\n",
		"no frames":          "YUV4MPEG2 W16 H16 F25:1 Ip A1:1 C420\n",
		"text":               "Nothing at all.",
		"empty":              "",
	}
}

// Files that name other files, or lie, are refused in one sentence, and neither
// decoded nor followed.
func TestHostileFilms(t *testing.T) {
	t.Parallel()
	found := tools(t)
	root := t.TempDir()
	ffmpeg(t, root, "-f", "lavfi", "-i", "testsrc2=s=640x480:r=25", "-frames:v", "2", "secret.mkv")
	if _, err := found.Probe(t.Context(), filepath.Join(root, "secret.mkv"), imagedata.Limits{Pixels: 1000}); fault.KindOf(err) != fault.TooLarge {
		t.Errorf("a film above the limit: %v", err)
	}
	for name, content := range hostile(filepath.Join(root, "secret.mkv")) {
		path := filepath.Join(root, strings.ReplaceAll(name, " ", "-")+".mkv")
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		described, err := found.Probe(t.Context(), path, imagedata.DefaultLimits())
		kind := fault.KindOf(err)
		if kind != fault.Invalid && kind != fault.Unsupported && kind != fault.TooLarge {
			t.Errorf("%s: %q %v, %+v", name, kind, err, described)
		}
	}
}

// Names are never taken for options, patterns or protocols.
func TestNamesOfFilms(t *testing.T) {
	t.Parallel()
	tools(t)
	for _, name := range []string{"-y%03d;$(x) a'b \u65e5.mkv", "concat:a|b.mkv"} {
		root := t.TempDir()
		ffmpeg(t, root, "-f", "lavfi", "-i", "mandelbrot=s=32x32:r=25", "-frames:v", "3", "a.mkv")
		if err := os.Rename(filepath.Join(root, "a.mkv"), filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
		result := upscale(t, options(t, filepath.Join(root, name), filepath.Join(root, "out "+name)))
		if result.Output.Frames != 3 {
			t.Errorf("%q has %d frames", name, result.Output.Frames)
		}
	}
}

func TestSniff(t *testing.T) {
	t.Parallel()
	packets := make([]byte, 400)
	packets[0], packets[188] = 'G', 'G'
	for content, want := range map[string]bool{
		"\x1a\x45\xdf\xa3":                 true,
		"\x00\x00\x00\x20ftypisom\x00\x00": true,
		"\x00\x00\x00\x20ftypheic\x00\x00": false,
		"RIFF\x00\x00\x00\x00AVI LIST":     true,
		"RIFF\x00\x00\x00\x00WEBPVP8 ":     false,
		string(packets):                    true,
		"GIF89a":                           false,
		"\x89PNG\r\n\x1a\n":                false,
		"#EXTM3U":                          false,
		"":                                 false,
	} {
		if got := film.Sniff([]byte(content)); got != want {
			t.Errorf("Sniff(%.20q) = %v", content, got)
		}
	}
}

// Codecs that a container cannot hold, and qualities that a codec does not have, are
// refused before any work.
func TestCodings(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	tools(t)
	ffmpeg(t, root, "-f", "lavfi", "-i", "mandelbrot=s=32x32:r=25", "-frames:v", "3", "a.mkv")
	for _, c := range []struct {
		output string
		film.Coding
		want string
	}{
		{"b.webm", film.Coding{Codec: film.H264, Quality: -1}, "do not hold h264"},
		{"b.mkv", film.Coding{Codec: film.FFV1, Quality: 3}, "no quality"},
		{"b.mkv", film.Coding{Codec: film.H264, Quality: 60}, "from 0 to 51"},
		{"b.mkv", film.Coding{Codec: film.FFV1, Preset: "slow", Quality: -1}, "no presets"},
		{"b.mkv", film.Coding{Codec: "x", Quality: -1}, "no video codec"},
		{"b.avi", film.Coding{Quality: -1}, "cannot be written as .avi"},
		{"b.mkv", film.Coding{Preset: "nonsense", Quality: -1}, "could not encode"},
	} {
		o := options(t, filepath.Join(root, "a.mkv"), filepath.Join(root, c.output))
		o.Coding = c.Coding
		if _, err := film.Upscale(t.Context(), o); !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
