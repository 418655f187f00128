package main

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

const deployFolder = repository + "/scripts/deploy"

func deployFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(deployFolder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// usualGrace is the default of queue.grace.
func usualGrace(t *testing.T) time.Duration {
	t.Helper()
	flag := variable("UPSCALED_QUEUE_GRACE")
	if flag == nil {
		t.Fatal("there is no queue.grace")
	}
	grace, err := time.ParseDuration(flag.DefValue)
	if err != nil {
		t.Fatal(err)
	}
	return grace
}

var (
	settingLine       = regexp.MustCompile(`(?m)^(# )?[a-z-]+ = .+$`)
	commentedSettings = regexp.MustCompile(`(?m)^# ([a-z-]+ = .+)$`)
)

// Every command takes the example of the settings file, also with the lines that
// are commented out.
func TestDeploySettings(t *testing.T) {
	t.Parallel()
	text := deployFile(t, "upscaled.toml")
	if found := len(settingLine.FindAllString(text, -1)); found < 10 {
		t.Errorf("only %d settings were found", found)
	}
	for name, text := range map[string]string{"as it is": text, "all of it": commentedSettings.ReplaceAllString(text, "$1")} {
		file := filepath.Join(t.TempDir(), "upscaled.toml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, command := range [][]string{{"serve"}, {"worker"}, {"keys", "list"}} {
			// A price that no server takes ends serve, which reports all problems at once.
			wrong := map[string]string{"serve": "UPSCALED_APIS_MNML_PRICE", "worker": "UPSCALED_LIMITS_MAX_SIDE", "keys": "UPSCALED_OFFLINE"}[command[0]]
			got := program(t, &fakeUpscaler{}, map[string]string{"UPSCALED_CONFIG": file, wrong: "-1"}, nil, append(command, "--data", t.TempDir())...)
			if got.code != exitUsage || strings.Contains(got.stderr, "these problems") || strings.Contains(got.stderr, file) {
				t.Errorf("%s, %s: exit code %d\n%s", name, command[0], got.code, got.stderr)
			}
		}
	}
}

// unitSettings are the lines of a systemd unit by their names, in order.
func unitSettings(text string) map[string][]string {
	all := map[string][]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(name, "#") {
			all[name] = append(all[name], value)
		}
	}
	return all
}

func TestDeployUnit(t *testing.T) {
	t.Parallel()
	settings := unitSettings(deployFile(t, "upscaled.service"))
	start, ok := strings.CutPrefix(strings.Join(settings["ExecStart"], ""), "/usr/local/bin/upscaled ")
	if !ok || parses(words(start)) != nil {
		t.Errorf("ExecStart is %v", settings["ExecStart"])
	}
	var seconds int
	if _, err := fmt.Sscan(strings.Join(settings["TimeoutStopSec"], ""), &seconds); err != nil || time.Duration(seconds)*time.Second <= usualGrace(t) {
		t.Errorf("TimeoutStopSec is %v, queue.grace %v", settings["TimeoutStopSec"], usualGrace(t))
	}
	if want := fmt.Sprint(exitUsage); !slices.Equal(settings["RestartPreventExitStatus"], []string{want}) {
		t.Errorf("RestartPreventExitStatus is %v, a mistake in settings is %s", settings["RestartPreventExitStatus"], want)
	}
	for _, assignment := range settings["Environment"] {
		name, value, _ := strings.Cut(assignment, "=")
		if !strings.HasPrefix(name, "UPSCALED_") {
			continue
		}
		if flag := variable(name); flag == nil || flag.Value.Set(value) != nil {
			t.Errorf("the program does not know %s", assignment)
		}
	}
}

// systemd itself finds nothing wrong, and little that the unit exposes.
func TestDeployUnitBySystemd(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("needs systemd-analyze of Debian's package systemd")
	}
	text := deployFile(t, "upscaled.service")
	// Verification wants the program and the manual page to be installed.
	text = strings.Replace(text, "/usr/local/bin/upscaled serve", "/bin/true serve", 1)
	text = strings.Replace(text, "Documentation=man:upscaled(1)\n", "", 1)
	file := filepath.Join(t.TempDir(), "upscaled.service")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, arguments := range [][]string{
		{"verify", "--man=no", file},
		{"security", "--offline=true", "--threshold=20", "--no-pager", file}, // tenths of 10; 20 is "OK"
	} {
		said, err := exec.CommandContext(t.Context(), analyze, arguments...).CombinedOutput()
		if err != nil || arguments[0] == "verify" && len(said) > 0 {
			t.Errorf("systemd-analyze %s: %v\n%s", arguments[0], err, said)
		}
	}
}

// composeFile is what compose.yaml uses of the Compose Specification; other
// fields are mistakes here.
type composeFile struct {
	Name     string
	Anchor   any `yaml:"x-upscaled"`
	Services map[string]composeService
	Volumes  map[string]any
}

type composeService struct {
	Profiles    []string
	Image       string
	Build       composeBuild
	Restart     string
	Ports       []string
	Environment map[string]string
	Volumes     []string
	ReadOnly    bool `yaml:"read_only"`
	Tmpfs       []string
	CapDrop     []string      `yaml:"cap_drop"`
	SecurityOpt []string      `yaml:"security_opt"`
	Grace       time.Duration `yaml:"stop_grace_period"`
	Logging     struct {
		Driver  string
		Options map[string]string
	}
	Deploy struct {
		Resources struct {
			Reservations struct {
				Devices []struct {
					Driver, Count string
					Capabilities  []string
				}
			}
		}
	}
}

type composeBuild struct {
	Context, Dockerfile string
	Args                map[string]string
}

func compose(t *testing.T) composeFile {
	t.Helper()
	var file composeFile
	decoder := yaml.NewDecoder(strings.NewReader(deployFile(t, "compose.yaml")))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		t.Fatal(err)
	}
	return file
}

// interpolated is "${NAME:-default}".
var interpolated = regexp.MustCompile(`\$\{[A-Z_]+:-([^}]*)\}`)

func TestDeployCompose(t *testing.T) {
	t.Parallel()
	file := compose(t)
	if len(file.Services) != 2 {
		t.Errorf("%d services", len(file.Services))
	}
	stages := dockerStages(t)
	var volumes []string
	for _, in := range stages[len(stages)-1].instructions {
		if in.name == "VOLUME" {
			volumes = in.list(in.rest)
		}
	}
	for name, s := range file.Services {
		if !slices.Equal(s.Profiles, []string{name}) || strings.HasSuffix(s.Image, ":latest") || !strings.Contains(s.Image, ":") {
			t.Errorf("%s: profiles %v, image %s", name, s.Profiles, s.Image)
		}
		if s.Grace <= usualGrace(t) {
			t.Errorf("%s: stop_grace_period %v, queue.grace %v", name, s.Grace, usualGrace(t))
		}
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || len(s.SecurityOpt) == 0 || s.Restart == "" {
			t.Errorf("%s: has more rights than it needs, or no restart", name)
		}
		composeMounts(t, name, s, file.Volumes, volumes)
		composeSettings(t, name, s, stages)
	}
	devices := file.Services["gpu"].Deploy.Resources.Reservations.Devices
	if len(devices) != 1 || devices[0].Driver != "nvidia" || !slices.Contains(devices[0].Capabilities, "gpu") {
		t.Errorf("the service gpu reserves %+v", devices)
	}
}

// composeMounts checks that every volume of the image has a declared name.
func composeMounts(t *testing.T, name string, s composeService, declared map[string]any, volumes []string) {
	t.Helper()
	var targets []string
	for _, mount := range s.Volumes {
		volume, target, _ := strings.Cut(mount, ":")
		if _, ok := declared[volume]; !ok {
			t.Errorf("%s: there is no volume %s", name, volume)
		}
		targets = append(targets, target)
	}
	if !slices.Equal(targets, volumes) {
		t.Errorf("%s mounts %v, the image has %v", name, targets, volumes)
	}
	for _, port := range s.Ports {
		if !strings.HasPrefix(interpolated.ReplaceAllString(port, "$1"), "127.0.0.1:8080:8080") {
			t.Errorf("%s: port %s is open to the network by default", name, port)
		}
	}
}

// composeSettings checks build arguments and environment by the image's and
// the program's own.
func composeSettings(t *testing.T, name string, s composeService, stages []stage) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(deployFolder, s.Build.Context, s.Build.Dockerfile)); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	for argument := range s.Build.Args {
		if !slices.ContainsFunc(stages, func(s stage) bool { _, ok := s.variables("ARG")[argument]; return ok }) {
			t.Errorf("%s: the Dockerfile has no argument %s", name, argument)
		}
	}
	want := map[string]string{"gpu": "cuda", "cpu": "cpu"}[name]
	if s.Build.Args["DEVICE"] != want {
		t.Errorf("%s is built for %q", name, s.Build.Args["DEVICE"])
	}
	for variableName, value := range s.Environment {
		flag, value := variable(variableName), interpolated.ReplaceAllString(value, "$1")
		if flag == nil || value != "" && flag.Value.Set(value) != nil {
			t.Errorf("%s: the program does not take %s=%s", name, variableName, value)
		}
	}
}

var (
	composeLine = regexp.MustCompile(`(?m)^#   docker compose .* run --rm \w+ (.+)$`)
	commentLine = regexp.MustCompile(`(?m)^#\s+(?:/usr/local/bin/)?upscaled (.+)$`)
)

// Command lines in comments are ones the program takes.
func TestDeployComments(t *testing.T) {
	t.Parallel()
	var lines []string
	for _, match := range composeLine.FindAllStringSubmatch(deployFile(t, "compose.yaml"), -1) {
		lines = append(lines, match[1])
	}
	for _, match := range commentLine.FindAllStringSubmatch(deployFile(t, "upscaled.service"), -1) {
		lines = append(lines, match[1])
	}
	if len(lines) < 2 {
		t.Errorf("only %v were found", lines)
	}
	for _, line := range lines {
		if err := parses(words(line)); err != nil {
			t.Errorf("upscaled %s: %v", line, err)
		}
	}
}

// The page about monitoring has the alerts of the rules, and their thresholds.
func TestGuideAlerts(t *testing.T) {
	t.Parallel()
	page, rules := guidePages(t)["operations.md"], deployFile(t, "prometheus-rules.yaml")
	alerts := regexp.MustCompile(`(?s)- alert: (\w+)\n(.*?)annotations:`).FindAllStringSubmatch(rules, -1)
	if rows := strings.Count(page, "\n| Upscaled"); rows != len(alerts) || rows < 12 {
		t.Errorf("%d rows for %d alerts", rows, len(alerts))
	}
	for _, alert := range alerts {
		_, after, found := strings.Cut(page, "\n| "+alert[1]+" | ")
		row, _, _ := strings.Cut(after, "\n")
		if !found {
			t.Errorf("the page has no %s", alert[1])
		}
		if pending := regexp.MustCompile(`for: (\d+)m`).FindStringSubmatch(alert[2]); pending != nil && !strings.Contains(row, " "+pending[1]+" minutes") {
			t.Errorf("%s waits %s minutes, unlike %q", alert[1], pending[1], row)
		}
		if share := regexp.MustCompile(`> 0\.(\d\d?) \*`).FindStringSubmatch(alert[2]); share != nil && !strings.Contains(row, strings.TrimPrefix((share[1] + "0")[:2], "0")+" %") {
			t.Errorf("%s is above 0.%s, unlike %q", alert[1], share[1], row)
		}
	}
}

// The figures for capacity follow from those measured on the page about CPUs.
func TestGuideCapacity(t *testing.T) {
	t.Parallel()
	pages := guidePages(t)
	measured := regexp.MustCompile("(?m)^\\| `avx512-bf16` \\| (\\d+) ms \\| ([0-9.]+) s \\|").FindStringSubmatch(pages["cpu.md"])
	if measured == nil {
		t.Fatal("cpu.md has no such row")
	}
	general, err := strconv.ParseFloat(measured[1], 64)
	large, err2 := strconv.ParseFloat(measured[2], 64)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	for model, want := range map[string]float64{"realesr-general-x4v3": 192 * 192 / general * 1000, "realesrgan-x4plus": 128 * 128 / large} {
		row := regexp.MustCompile(`\| ` + model + ` \| ([0-9,]+) \(`).FindStringSubmatch(pages["deploy.md"])
		if row == nil {
			t.Fatalf("deploy.md has no row of %s", model)
		}
		if got, err := strconv.ParseFloat(strings.ReplaceAll(row[1], ",", ""), 64); err != nil || math.Abs(got/want-1) > 0.02 {
			t.Errorf("%s: deploy.md says %s pixels a second, cpu.md %.0f", model, row[1], want)
		}
	}
}
