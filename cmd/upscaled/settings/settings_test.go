package settings

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/spf13/pflag"
)

func TestSizes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"0": 0, "1000": 1000, "256M": 256e6, "1.5g": 1.5e9, "64k": 64e3, "8MiB": 8 << 20, "4 KiB": 4096, "2kB": 2000, "1_000": 1000} {
		n, err := ParseSize(text)
		if err != nil || n != want {
			t.Errorf("%s is %d (%v), want %d", text, n, err, want)
		}
		if again, err := ParseSize(FormatSize(n)); err != nil || again != n {
			t.Errorf("%s is written %s and read as %d", text, FormatSize(n), again)
		}
	}
	for _, text := range []string{"", "M", "-1", "1MM", "nan", "inf", "1e30", "5MiBs", "-2MiB"} {
		if n, err := ParseSize(text); err == nil {
			t.Errorf("%q is read as %d", text, n)
		}
	}
	for n, want := range map[int64]string{100e6: "100M", 1 << 30: "1GiB", 4096: "4KiB", 1400: "1400", 1000: "1k", 400e6: "400M"} {
		if got := FormatSize(n); got != want {
			t.Errorf("%d is written %s, want %s", n, got, want)
		}
	}
}

// sample is one setting of each type.
type sample struct {
	text     string
	flag     bool
	whole    int
	size     int64
	price    int64
	number   float64
	duration time.Duration
	list     []string
}

func (s *sample) settings() []Setting {
	return []Setting{
		{Key: "text", Into: &s.text, Default: "a", Flag: true, Help: "a text", Choices: []string{"a", "b", "c"}},
		{Key: "switch", Into: &s.flag, Flag: true, Help: "a switch"},
		{Key: "some.whole", Into: &s.whole, Default: "3", Least: 1, Was: "whole", Help: "a number"},
		{Key: "some.size", Into: &s.size, Default: "8MiB", Help: "a size"},
		{Key: "some.price", Into: &s.price, Count: true, Default: "1000", Help: "a count"},
		{Key: "other.number", Into: &s.number, Most: 1, Help: "a share"},
		{Key: "other.duration", Into: &s.duration, Default: "24h", Least: 60, Help: "a time"},
		{Key: "other.list", Into: &s.list, Default: "x,y", Help: "a list"},
	}
}

func environment(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { value, ok := values[name]; return value, ok }
}

// The command line wins over --set, that over the environment, that over the file.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "settings.toml")
	text := "text = \"c\"\n[some]\nwhole = 4\nsize = \"1MiB\"\n[other]\nlist = [\"file\"]\nnumber = 0.5\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var s sample
	set, flags := New(s.settings()), pflag.NewFlagSet("", pflag.ContinueOnError)
	set.AddFlags(flags)
	if err := flags.Parse([]string{"--text=b", "--switch"}); err != nil {
		t.Fatal(err)
	}
	problems := set.Load(Sources{
		Assigned: []string{"some.whole=7"}, File: file, Own: set.All(), Known: set.All(),
		LookupEnv: environment(map[string]string{"UPSCALED_TEXT": "a", "UPSCALED_SOME_WHOLE": "5", "UPSCALED_SOME_SIZE": "2k", "UPSCALED_OTHER_DURATION": ""}),
	})
	if len(problems)+len(set.Problems()) > 0 {
		t.Errorf("%q %q", problems, set.Problems())
	}
	if s.text != "b" || !s.flag || s.whole != 7 || s.size != 2000 || s.number != 0.5 || s.duration != 24*time.Hour || strings.Join(s.list, " ") != "file" {
		t.Errorf("%+v", s)
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	var s sample
	set := New(s.settings())
	problems := set.Load(Sources{
		Assigned:  []string{"some.whole", "nothing=1", "elsewhere=1", "whole=1", "other.number=2", "other.duration=1s", "text=z", "some.size=-1"},
		LookupEnv: environment(map[string]string{"UPSCALED_WHOLE": "5", "UPSCALED_SOME_PRICE": "1k"}),
		Own:       set.All(), Known: append(set.All(), Setting{Key: "elsewhere", Into: new(string)}),
	})
	all := strings.Join(append(problems, set.Problems()...), "\n")
	for _, want := range []string{
		`not "some.whole"`, `"nothing" is no setting`, `"elsewhere" is a setting of another command`, `"whole" is whole in the section [some] now`,
		"other.number is 2; it goes from 0 to 1", "other.duration is 1s; it is at least 1m", "--text is z; use a, b or c",
		"UPSCALED_WHOLE is called UPSCALED_SOME_WHOLE now", `UPSCALED_SOME_PRICE: "1k" is not a whole number`, "a size such as",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("nothing of %s in\n%s", want, all)
		}
	}
	if got := Moved("some-whole", set.All()); got != "" && !strings.Contains(got, "some.whole") || Moved("whole", set.All()) == "" || Moved("text", set.All()) != "" {
		t.Errorf("moved: %q", got)
	}
}

// FuzzSettingsFile checks that any file is read or refused with problems in words, that
// an unknown key is reported, and that nothing panics.
func FuzzSettingsFile(f *testing.F) {
	for _, seed := range []string{
		"text = \"a\"\nswitch = true\n", "[some]\nwhole = 3\nsize = \"1GiB\"", "[other]\nlist = [\"a\", \"b\"]", "some = 1", "some.size = 1e400",
		"nothing = 1", "[text]\na = 1", "config = \"/etc/passwd\"", "switch = [[], [[]]]", "text = 2020-01-01", "\xff\xfe", "a.b.c = {d = 1}",
	} {
		f.Add([]byte(seed))
	}
	path := filepath.Join(f.TempDir(), "settings.toml")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		var s sample
		set := New(s.settings())
		problems := set.Load(Sources{File: path, LookupEnv: environment(nil), Own: set.All(), Known: set.All()})
		for _, problem := range problems {
			if problem == "" {
				t.Errorf("a problem without words: %q", problems)
			}
		}
		// The reader skips a byte order mark, which alone is an empty file.
		rest := bytes.TrimPrefix(bytes.TrimPrefix(text, []byte("\xff\xfe")), []byte("\xfe\xff"))
		if !utf8.Valid(rest) && len(problems) == 0 {
			t.Error("a file that is no text is accepted")
		}
		if len(problems) == 0 && strings.Contains(string(text), "nothing = ") && !strings.ContainsAny(string(text), "#\"'") {
			t.Error("an unknown key is accepted")
		}
		var out bytes.Buffer
		if err := Write(&out, set); err != nil {
			t.Error(err)
		}
		if len(problems) > 0 || len(set.Problems()) > 0 {
			return
		}
		if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		var again sample
		reread := New(again.settings())
		if problems := reread.Load(Sources{File: path, LookupEnv: environment(nil), Own: set.All(), Known: set.All()}); len(problems) > 0 {
			t.Errorf("what was written is not read: %q\n%s", problems, out.String())
		}
		var second bytes.Buffer
		if err := Write(&second, reread); err != nil || second.String() != out.String() {
			t.Errorf("%v\n%s\n%s", err, out.String(), second.String())
		}
	})
}
