package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"upscaled/cmd/upscaled/settings"
	"upscaled/models"
)

// No container engine runs where the tests do. They check the Dockerfile by
// rules, and run those of its commands that need no registry.

const dockerfilePath = repository + "/Dockerfile.cuda"

func dockerStages(t *testing.T) []stage {
	t.Helper()
	text, err := os.ReadFile(dockerfilePath)
	if err != nil {
		t.Fatal(err)
	}
	stages, err := parseDockerfile(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return stages
}

func dockerIgnore(t *testing.T) ignoreRules {
	t.Helper()
	rules, err := readIgnoreRules(repository + "/.dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// pinned is an image by exact version and digest.
var pinned = regexp.MustCompile(`^[a-z0-9/._-]+:[a-z0-9._-]*[0-9][a-z0-9._-]*@sha256:[0-9a-f]{64}$`)

// imageProblems checks what stages begin with: a pinned image out of an ARG, or
// a stage before, for every DEVICE and ORIGIN.
func imageProblems(stages []stage) []string {
	var problems []string
	arguments := stages[0].variables("ARG")
	known := map[string]bool{}
	for _, s := range stages[1:] {
		for _, choice := range [][2]string{{"cuda", "source"}, {"cpu", "archive"}} {
			image := strings.NewReplacer("${DEVICE}", choice[0], "${ORIGIN}", choice[1]).Replace(s.image)
			name, isArgument := strings.CutPrefix(image, "${")
			switch {
			case isArgument && pinned.MatchString(arguments[strings.TrimSuffix(name, "}")]), known[image]:
			default:
				problems = append(problems, fmt.Sprintf("stage %s begins with %q, which is no pinned image", s.name, image))
			}
		}
		known[s.name] = true
	}
	return problems
}

// instructionProblems checks the instructions of all stages.
func instructionProblems(stages []stage, rules ignoreRules) []string {
	var problems []string
	known := map[string]bool{}
	for _, s := range stages {
		for _, in := range s.instructions {
			for _, problem := range instructionFaults(in, s.name, rules, known) {
				problems = append(problems, fmt.Sprintf("line %d: %s", in.line, problem))
			}
		}
		known[s.name] = true
	}
	return problems
}

func instructionFaults(in instruction, within string, rules ignoreRules, stages map[string]bool) (faults []string) {
	switch in.name {
	case "ADD":
		faults = append(faults, "ADD fetches and unpacks without a check; use COPY")
	case "RUN":
		if strings.Contains(in.rest, "apt-get install") && !(strings.Contains(in.rest, "--no-install-recommends") && strings.Contains(in.rest, "rm -rf /var/lib/apt/lists")) {
			faults = append(faults, "apt-get installs what is only recommended or leaves its lists")
		}
		if regexp.MustCompile(`\b(curl|wget)\b`).MatchString(in.rest) {
			faults = append(faults, "downloads have no checksum; let the program fetch")
		}
	case "ENTRYPOINT", "CMD":
		if in.list(in.rest) == nil {
			faults = append(faults, in.name+" is no JSON list: a shell would get the signals")
		}
	case "HEALTHCHECK":
		if command, ok := strings.CutPrefix(in.rest, "CMD "); !ok || in.list(command) == nil {
			faults = append(faults, "HEALTHCHECK is no JSON list")
		}
	case "COPY":
		if from := in.flag("from"); from != "" {
			if !stages[from] {
				faults = append(faults, "there is no stage "+from)
			}
			break
		}
		paths := strings.Fields(in.rest)
		for _, source := range paths[:len(paths)-1] {
			if strings.HasSuffix(within, "-archive") && slices.Contains([]string{"upscaled", "upscaled-home"}, source) {
				continue // of a -full archive
			}
			if _, err := os.Stat(filepath.Join(repository, source)); err != nil || source != "." && rules.ignores(source) {
				faults = append(faults, "the build cannot see "+source)
			}
		}
	}
	return faults
}

// userProblems checks that the last stage ends as another user than root.
func userProblems(stages []stage) []string {
	user := ""
	for _, in := range stages[len(stages)-1].instructions {
		if in.name == "USER" {
			user = in.rest
		}
	}
	if !regexp.MustCompile(`^[1-9][0-9]*:[1-9][0-9]*$`).MatchString(user) {
		return []string{fmt.Sprintf("USER is %q; give a number other than 0, and a group", user)}
	}
	return nil
}

func dockerProblems(stages []stage, rules ignoreRules) []string {
	return slices.Concat(imageProblems(stages), instructionProblems(stages, rules), userProblems(stages))
}

func TestDockerfile(t *testing.T) {
	t.Parallel()
	stages := dockerStages(t)
	if len(stages) < 5 {
		t.Fatalf("only %d stages were found", len(stages))
	}
	for _, problem := range dockerProblems(stages, dockerIgnore(t)) {
		t.Error(problem)
	}
}

// In the Dockerfile that scripts/release makes for -full archives, no stage follows from
// an argument.
func TestDockerfileOfArchives(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile(repository + "/scripts/release")
	if err != nil {
		t.Fatal(err)
	}
	changes := regexp.MustCompile(`sed (-e 's/.*') Dockerfile\.cuda`).FindStringSubmatch(string(script))
	if changes == nil {
		t.Fatal("scripts/release makes no Dockerfile")
	}
	stages, err := parseDockerfile(shell(t, repository, "sed "+changes[1]+" Dockerfile.cuda"))
	if err != nil || stages[0].variables("ARG")["DEVICE"] != "cpu" {
		t.Fatal(err, stages)
	}
	known := map[string]bool{}
	for _, s := range stages[1:] {
		if !known[s.image] && !strings.HasSuffix(s.image, "_IMAGE}") {
			t.Errorf("stage %s begins with %s", s.name, s.image)
		}
		known[s.name] = true
	}
}

// The rules have to catch what they forbid.
func TestDockerfileRulesCatch(t *testing.T) {
	t.Parallel()
	const good = "ARG A=b:1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\nFROM ${A} AS x\n"
	for text, want := range map[string]string{
		"FROM golang:1.26 AS x\nUSER 1:1":              "no pinned image",
		"ARG A=golang:latest\nFROM ${A} AS x":          "no pinned image",
		good + "FROM base-${DEVICE} AS y\nUSER 1:1":    "base-cpu",
		good + "ADD https://example.com/a /a":          "ADD",
		good + "RUN apt-get install -y curl":           "apt-get",
		good + "RUN wget https://example.com/a":        "checksum",
		good + "USER 1:1\nENTRYPOINT upscaled serve":   "ENTRYPOINT",
		good + "HEALTHCHECK CMD upscaled health":       "HEALTHCHECK",
		good + "COPY --from=y /a /a":                   "no stage y",
		good + "COPY README.md /a":                     "cannot see README.md",
		good + "COPY no-such-file /a":                  "cannot see no-such-file",
		good + "USER 1:1\nUSER 0:0":                    "USER is",
		good + "RUN true":                              "USER is",
		good + "RUN a \\\n  && apt-get install b\n#\n": "line 3",
	} {
		stages, err := parseDockerfile(text)
		if err != nil {
			t.Fatal(err)
		}
		if problems := strings.Join(dockerProblems(stages, dockerIgnore(t)), "\n"); !strings.Contains(problems, want) {
			t.Errorf("%s\nhas problems %q, none of %q", text, problems, want)
		}
	}
	if _, err := parseDockerfile("FROM x"); err == nil {
		t.Error("a stage without name passes")
	}
}

// variable returns what an environment variable sets, or nil.
func variable(name string) *pflag.Flag {
	a := bare()
	root := newRootCommand(a)
	for _, set := range a.declared {
		for _, d := range set.All() {
			if d.Environment() == name {
				return set.Lookup(d.Key)
			}
		}
	}
	serve, _, _ := root.Find([]string{"serve"})
	if config := serve.Flags().Lookup(configFlag); slices.Contains(config.Annotations[settings.EnvironmentKey], name) {
		return config
	}
	return nil
}

// What the image sets is what the program reads, and its parts fit together.
func TestDockerfileSettings(t *testing.T) {
	t.Parallel()
	stages := dockerStages(t)
	for _, s := range stages {
		for name, value := range s.variables("ENV") {
			if flag := variable(name); strings.HasPrefix(name, "UPSCALED_") && (flag == nil || flag.Value.Set(value) != nil) {
				t.Errorf("stage %s sets %s=%s, which the program does not know", s.name, name, value)
			}
		}
	}
	final := stages[len(stages)-1]
	environment := final.variables("ENV")
	for _, in := range final.instructions {
		switch in.name {
		case "EXPOSE":
			if !strings.HasSuffix(environment["UPSCALED_LISTEN"], ":"+in.rest) {
				t.Errorf("EXPOSE %s, but it listens on %s", in.rest, environment["UPSCALED_LISTEN"])
			}
		case "VOLUME":
			home := environment["UPSCALED_HOME"]
			if want := []string{environment["UPSCALED_DATA"], home + "/models", home + "/tuning"}; !slices.Equal(in.list(in.rest), want) {
				t.Errorf("VOLUME %s, want %v", in.rest, want)
			}
		case "HEALTHCHECK":
			command := in.list(strings.TrimPrefix(in.rest, "CMD "))
			if len(command) == 0 || command[0] != "upscaled" || parses(command[1:]) != nil {
				t.Errorf("HEALTHCHECK runs %v", command)
			}
		case "CMD":
			if err := parses(in.list(in.rest)); err != nil {
				t.Errorf("CMD %s: %v", in.rest, err)
			}
		case "ENTRYPOINT":
			if !slices.Equal(in.list(in.rest), []string{"upscaled"}) {
				t.Errorf("ENTRYPOINT %s", in.rest)
			}
		}
	}
}

// The networks of the image are in the catalogue.
func TestDockerfileModels(t *testing.T) {
	t.Parallel()
	store, err := models.Open(models.Options{Home: t.TempDir(), Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, s := range dockerStages(t) {
		for name := range strings.FieldsSeq(s.variables("ARG")["MODELS"]) {
			named++
			if _, err := store.Entry(name); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if named < 3 {
		t.Errorf("only %d networks are named", named)
	}
}

// command returns the RUN instruction of a stage that has a mark, for a shell.
func command(t *testing.T, stageName, mark string) string {
	t.Helper()
	for _, s := range dockerStages(t) {
		for _, in := range s.instructions {
			if s.name == stageName && in.name == "RUN" && strings.Contains(in.rest, mark) {
				return strings.ReplaceAll(in.rest, "\n", " ")
			}
		}
	}
	t.Fatalf("stage %s runs no %s", stageName, mark)
	return ""
}

// shell runs a command line and returns its output.
func shell(t *testing.T, folder, line string, environment ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
	cmd.Dir, cmd.Env = folder, append(os.Environ(), environment...)
	var all bytes.Buffer
	cmd.Stdout, cmd.Stderr = &all, &all
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, all.String())
	}
	return all.String()
}

// wholeSuite skips what builds the program anew, which can take a minute,
// unless scripts/test runs, which leaves nothing out.
func wholeSuite(t *testing.T) {
	t.Helper()
	if testing.Short() || os.Getenv("UPSCALED_REQUIRE_RUNTIME") != "1" {
		t.Skip("builds the program anew; scripts/test runs it")
	}
}

// The build of the image runs on exactly the files that it sees, and its
// networks' step runs with the program that it made.
func TestDockerfileCommands(t *testing.T) {
	t.Parallel()
	wholeSuite(t)
	source, out := t.TempDir(), t.TempDir()
	if err := copyContext(dockerIgnore(t), repository, source); err != nil {
		t.Fatal(err)
	}
	build := strings.ReplaceAll(command(t, "program-source", "go build"), "/out/", out+"/")
	shell(t, source, build, "VERSION=v9.8.7")
	if said := shell(t, out, "./upscaled version"); !strings.HasPrefix(said, "upscaled v9.8.7 (") {
		t.Errorf("the image's program says it is %q", said)
	}
	pull := command(t, "models-source", "models pull")
	t.Run("models", func(t *testing.T) {
		store, err := models.Open(models.Options{Offline: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"onnxruntime", "realesr-general-x4v3", "blazeface"} {
			if entry, err := store.Entry(name); err != nil || !entry.Installed {
				t.Skipf("%s is not installed; scripts/test fetches it", name)
			}
		}
		said := shell(t, out, pull, "PATH="+out+":"+os.Getenv("PATH"), "DEVICE=cpu", "UPSCALED_OFFLINE=true",
			"MODELS=realesr-general-x4v3 blazeface", "UPSCALED_HOME="+store.Home())
		if !strings.Contains(said, "realesr-general-x4v3: undamaged") {
			t.Errorf("the networks' step says:\n%s", said)
		}
	})
	t.Run("wrong device", func(t *testing.T) {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", pull)
		cmd.Env = []string{"DEVICE=tpu", "PATH=" + os.Getenv("PATH")}
		if said, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(said), "use cuda or cpu") {
			t.Errorf("%v: %s", err, said)
		}
	})
}
