// Coverage counts how many of the image models of an index, such as OpenModelDB's, are
// imported as weights: their architecture has a reader and their channels are
// supported.
//
//	go run ./scripts/coverage models.json
//
// The argument is an index file, or a folder that holds one file for each model, as
// OpenModelDB's repository does under data/models.
package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"upscaled/models/network"
)

// listed holds the relevant fields of a listed model.
type listed struct {
	Architecture   string `json:"architecture"`
	Date           string `json:"date"`
	InputChannels  int    `json:"inputChannels"`
	OutputChannels int    `json:"outputChannels"`
}

// architectures maps OpenModelDB's names to ours. Those of other image models have no
// entry.
func architectures() map[string]network.Architecture {
	return map[string]network.Architecture{
		"esrgan": network.RRDBNet, "esrgan+": network.RRDBNet, "spsr": network.SPSR, "compact": network.SRVGGNetCompact, "span": network.SPAN, "dat": network.DAT,
		"swinir": network.SwinIR, "omnisr": network.OmniSR, "realplksr": network.RealPLKSR, "realplksr-dysample": network.RealPLKSR,
		"srformer": network.SRFormer, "hat": network.HAT, "rgt": network.RGT, "mosr": network.MoSR, "rcan": network.RCAN,
		"cugan": network.UpCunet, "real-cugan": network.UpCunet,
	}
}

// videos are architectures that take several frames; they are not counted.
const videos = " cain cain-yuv rife sofvsr tscunet "

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "coverage:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) != 1 {
		return fmt.Errorf("usage: go run ./scripts/coverage INDEX")
	}
	all, err := read(arguments[0])
	if err != nil {
		return err
	}
	known, supported := architectures(), network.Supported()
	missed := map[string]int{}
	var native, images, recentNative, recent int
	for _, m := range all {
		if strings.Contains(videos, " "+m.Architecture+" ") {
			continue
		}
		isNative := slices.Contains(supported, known[m.Architecture]) && m.InputChannels == m.OutputChannels &&
			(m.InputChannels == 3 || known[m.Architecture] == network.RRDBNet)
		isRecent := m.Date >= "2024"
		images++
		if isRecent {
			recent++
		}
		switch {
		case !isNative:
			missed[fmt.Sprintf("%s of %d to %d channels", m.Architecture, m.InputChannels, m.OutputChannels)]++
		case isRecent:
			recentNative++
			fallthrough
		default:
			native++
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(missed)) {
		fmt.Printf("not as weights: %d %s\n", missed[kind], kind)
	}
	fmt.Printf("%d of %d image models (%.1f %%); of those since 2024, %d of %d (%.1f %%)\n",
		native, images, share(native, images), recentNative, recent, share(recentNative, recent))
	return nil
}

func share(part, whole int) float64 { return 100 * float64(part) / float64(max(whole, 1)) }

func read(path string) ([]listed, error) {
	files, err := filepath.Glob(filepath.Join(path, "*.json"))
	if err != nil {
		return nil, err
	}
	var all []listed
	for _, file := range files {
		var m listed
		if err := decode(file, &m); err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	if len(files) > 0 {
		return all, nil
	}
	var index map[string]listed
	err = decode(path, &index)
	return slices.Collect(maps.Values(index)), err
}

func decode(file string, into any) error {
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	return nil
}
