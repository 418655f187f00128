// Command components tells what a Go program is made of, from the program
// itself: a software bill of materials (CycloneDX 1.6, JSON) and the licences
// of every module in it, whose texts have to go along with the binary.
//
// It needs the go command and the module cache the program was built from.
// The same program gives the same bytes.
package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"upscaled/scripts/licence"
)

// component is a module, or Go's standard library, and its licence files.
type component struct {
	path, version string
	// sum is the module's hash in go.sum's form, "" where it has none.
	sum      string
	licences []licence.File
}

func main() {
	binary := flag.String("binary", "", "program to look into")
	version := flag.String("version", "", "version of the program")
	bill := flag.String("sbom", "", "file to write the bill of materials to")
	notices := flag.String("notices", "", "file to write the licences to")
	flag.Parse()
	if *binary == "" || *version == "" || *bill == "" || *notices == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*binary, *version, *bill, *notices); err != nil {
		fmt.Fprintln(os.Stderr, "components:", err)
		os.Exit(1)
	}
}

func run(binary, version, bill, notices string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("read %s: %w", binary, err)
	}
	components, err := gather(info)
	if err != nil {
		return err
	}
	sum, err := fileSum(binary)
	if err != nil {
		return err
	}
	document, err := cycloneDX(program{name: info.Main.Path, version: version, sha256: sum}, components)
	if err != nil {
		return err
	}
	if err := os.WriteFile(bill, document, 0o644); err != nil {
		return err
	}
	return os.WriteFile(notices, []byte(noticeText(info.Main.Path, components)), 0o644)
}

// gather finds the licences of all modules and of Go itself. A module without
// any, or with one that is not allowed, is an error: the program may not be
// given away then.
func gather(info *buildinfo.BuildInfo) ([]component, error) {
	root, err := output("go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	standard := component{path: "std", version: strings.TrimPrefix(strings.Fields(info.GoVersion)[0], "go")}
	if standard.licences, err = licence.Files(root, false); err != nil {
		return nil, err
	}
	all := []component{standard}
	for _, module := range info.Deps {
		if module.Replace != nil {
			module = module.Replace
		}
		found, err := output("go", "mod", "download", "-json", module.Path+"@"+module.Version)
		if err != nil {
			return nil, err
		}
		c := component{path: module.Path, version: module.Version, sum: module.Sum}
		if c.licences, err = licence.Files(jsonField(found, "Dir"), true); err != nil {
			return nil, err
		}
		carried, err := licence.Carried(module.Path)
		if err != nil {
			return nil, err
		}
		c.licences = append(c.licences, carried...)
		all = append(all, c)
	}
	for _, c := range all {
		if err := licence.Check(c.licences); err != nil {
			return nil, fmt.Errorf("%s %s: %w", c.path, c.version, err)
		}
	}
	return all, nil
}

func output(name string, arguments ...string) (string, error) {
	said, err := exec.Command(name, arguments...).Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return "", fmt.Errorf("%s %s: %w: %s%s", name, strings.Join(arguments, " "), err, said, failed.Stderr)
	}
	return strings.TrimSpace(string(said)), err
}

// fileSum is a file's SHA-256 in hexadecimal.
func fileSum(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return fmt.Sprintf("%x", sum.Sum(nil)), nil
}

// jsonField is a text field of a JSON object, "" where it has none.
func jsonField(object, name string) string {
	var fields map[string]any
	if json.Unmarshal([]byte(object), &fields) != nil {
		return ""
	}
	value, _ := fields[name].(string)
	return value
}
