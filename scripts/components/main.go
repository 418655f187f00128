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
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// component is a module, or Go's standard library, and its licence files.
type component struct {
	path, version string
	// sum is the module's hash in go.sum's form, "" where it has none.
	sum      string
	licences []licenceFile
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
// any is an error: the program may not be given away then.
func gather(info *buildinfo.BuildInfo) ([]component, error) {
	root, err := output("go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	standard := component{path: "std", version: strings.TrimPrefix(strings.Fields(info.GoVersion)[0], "go")}
	if standard.licences, err = licenceFiles(root, false); err != nil {
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
		if c.licences, err = licenceFiles(jsonField(found, "Dir"), true); err != nil {
			return nil, err
		}
		if c, err = withCarried(c); err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	for _, c := range all {
		if len(c.licences) == 0 {
			return nil, fmt.Errorf("%s %s has no licence file; leave the module out or add its licence by hand", c.path, c.version)
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
