// Package doctor examines a machine and an installation: the library, devices and
// models that upscaling would use, and missing parts.
package doctor

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"text/tabwriter"
	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/codec"
	"upscaled/engine/tune"
	"upscaled/engine/upscaler"
	"upscaled/models"
	"upscaled/models/fault"
)

// finding is a problem and its remedy.
type finding struct {
	Problem string `json:"problem"`
	Fix     string `json:"fix"`
	// Fatal problems keep upscaling from working.
	Fatal bool `json:"fatal"`
}

// Diagnosis is the result of Examine and its JSON form.
type Diagnosis struct {
	Program string `json:"program"`
	Home    string `json:"home"`
	Library string `json:"onnxruntime_library,omitempty"`
	Version string `json:"onnxruntime_version,omitempty"`
	// Providers are the kinds of devices the library can drive here, Unusable those that
	// it could drive on other machines, with the reason.
	Providers []string          `json:"providers,omitempty"`
	Unusable  map[string]string `json:"unusable_providers,omitempty"`
	Cards     []upscaler.Card   `json:"cards,omitempty"`
	Device    *engine.Device    `json:"device,omitempty"`
	// Processor describes the engine if the device is the CPU; Kernels has the times
	// of its kernels for the model that would be used.
	Processor string               `json:"processor,omitempty"`
	Model     string               `json:"model,omitempty"`
	Kernels   []upscaler.CPUKernel `json:"kernels,omitempty"`
	// Native is all code in the process that is not Go.
	Native []nativeCode `json:"native,omitempty"`
	NPM    string       `json:"npm,omitempty"`
	// Codecs names the missing library of each format that the system's libraries read,
	// "" if none is missing.
	Codecs map[imagedata.Format]string `json:"codecs"`
	Models []models.Entry              `json:"models"`
	// Tuning holds the measurements of this machine's GPUs.
	Tuning   []tune.Record `json:"tuning,omitempty"`
	Findings []finding     `json:"findings"`
}

// Examine looks at this machine and downloads nothing. describe completes the
// errors of options with the names of their flags.
func Examine(ctx context.Context, program string, o upscaler.Options, describe func(error) error) Diagnosis {
	store := o.Store
	d := Diagnosis{Program: program, Home: store.Home()}
	if path, err := exec.LookPath("npm"); err == nil {
		d.NPM = path
	}
	d.examineEngine(ctx, o, describe)
	d.Native = loadedNativeCode(d.Library, d.Version)
	d.Codecs = make(map[imagedata.Format]string)
	for _, f := range codec.Formats() {
		if err := codec.Check(f); err != nil {
			d.Codecs[f] = fault.Sentence(err)
		} else {
			d.Codecs[f] = ""
		}
	}
	d.examineModels(ctx, store, o.Model)
	var err error
	if d.Tuning, err = upscaler.Tunings(store); err != nil {
		d.add(false, err.Error(), "upscaled tune")
	}
	if d.NPM == "" && !store.Offline() && len(d.Findings) > 0 {
		d.add(false, "npm was not found; some downloads come from npm packages.", "install Node.js with npm")
	}
	return d
}

// Fatal returns the first problem that keeps upscaling from working, or "".
func (d *Diagnosis) Fatal() string {
	for _, f := range d.Findings {
		if f.Fatal {
			return f.Problem
		}
	}
	return ""
}

func (d *Diagnosis) add(fatal bool, problem, fix string) {
	d.Findings = append(d.Findings, finding{Problem: problem, Fix: fix, Fatal: fatal})
}

// examineEngine reports the library and the device that upscaling would use.
func (d *Diagnosis) examineEngine(ctx context.Context, o upscaler.Options, describe func(error) error) {
	found, err := upscaler.Inspect(ctx, o)
	if err != nil {
		d.add(true, describe(err).Error(), "upscaled doctor --device auto --cpu-engine auto --precision auto --threads 0")
		return
	}
	d.Library, d.Version, d.Device, d.Providers, d.Processor = found.Library, found.Version, found.Device, found.Providers, found.CPU
	d.Model, d.Kernels, d.Cards = found.Model, found.Kernels, found.Cards
	d.Unusable = map[string]string{}
	for kind, err := range found.Unusable {
		d.Unusable[kind] = fault.Sentence(err)
	}
	switch {
	case d.Library == "" && d.Device == nil:
		name := "onnxruntime"
		if found.LibraryKind == "cuda" {
			name = "onnxruntime-cuda"
		}
		d.add(true, "ONNX Runtime for "+found.LibraryKind+" is not installed.", "upscaled models pull "+name)
	case found.DeviceError != nil:
		d.add(d.Device == nil, fault.Sentence(found.DeviceError), "upscaled doctor --device cpu shows whether the CPU works")
	case found.CPUError != nil:
		d.add(true, found.CPUError.Error(), "upscaled doctor --cpu-engine auto --precision auto")
	}
}

// examineModels checks the hashes of installed models and asks for the model
// that upscaling would use.
func (d *Diagnosis) examineModels(ctx context.Context, store *models.Store, wanted string) {
	d.Models = store.List()
	if wanted == "" {
		kind := "cpu"
		if d.Device != nil {
			kind = d.Device.Kind
		}
		wanted = store.Default(kind)
	}
	entry, err := store.Entry(wanted)
	switch {
	case err != nil:
		d.add(true, fault.Sentence(err), "upscaled models list")
	case !entry.Installed:
		d.add(true, "The model "+entry.Name+" is not installed.", "upscaled models pull "+entry.Name)
	}
	results, err := store.Verify(ctx)
	if err != nil {
		d.add(true, fault.Sentence(err), "upscaled doctor")
	}
	for _, result := range results {
		if result.Err != nil {
			d.add(result.Name == entry.Name, fault.Sentence(result.Err), "upscaled models pull "+result.Name)
		}
	}
}

// Write shows the findings to people.
func (d *Diagnosis) Write(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		value = cmp.Or(value, "missing")
		fmt.Fprintf(w, "%s\t%s\n", name, value)
	}
	row("Program", d.Program)
	library := strings.TrimSpace(d.Version + " " + d.Library)
	if library == "" && d.Device != nil {
		library = "not installed; only some models and face detectors need it"
	}
	row("ONNX Runtime", library)
	if len(d.Providers) > 0 {
		row("Providers", strings.Join(d.Providers, ", "))
	}
	for _, kind := range slices.Sorted(maps.Keys(d.Unusable)) {
		row("  not here", d.Unusable[kind])
	}
	for _, card := range d.Cards {
		row("Graphics card", fmt.Sprintf("%s, %s, %.1f GB", card.Name, card.Type, float64(card.Memory)/1e9))
	}
	if d.Device != nil {
		row("Device", fmt.Sprintf("%s, %s, %s", d.Device.Kind, d.Device.Name, d.Device.Precision))
		if d.Processor != "" {
			row("Computes with", d.Processor)
		}
		for _, k := range d.Kernels {
			chosen := ""
			if k.Chosen {
				chosen = ", chosen"
			}
			row("  "+k.Kernel, fmt.Sprintf("%s, %s, %.1f s per megapixel and thread%s", d.Model, k.Precision, k.PerMegapixel, chosen))
		}
		memory := "unknown"
		if d.Device.Memory > 0 {
			memory = fmt.Sprintf("%.1f GB", float64(d.Device.Memory)/1e9)
		}
		if d.Device.Free > 0 {
			memory += fmt.Sprintf(", %.1f GB free", float64(d.Device.Free)/1e9)
		}
		row("Memory", memory)
	}
	for _, n := range d.Native {
		row("Native code", strings.Join(strings.Fields(n.Name+" "+n.Version), " ")+" ("+n.Path+")")
	}
	for _, f := range codec.Formats() {
		row(f.Name(), cmp.Or(d.Codecs[f], "the system's library"))
	}
	row("Models in", d.Home)
	row("npm", d.NPM)
	others := 0
	for _, e := range d.Models {
		if !e.Installed {
			others++
			continue
		}
		row("  "+e.Name, fmt.Sprintf("installed, %.1f MB", float64(e.Size)/1e6))
	}
	if others > 0 {
		row("  not installed", fmt.Sprintf("%d; see upscaled models list", others))
	}
	for _, r := range d.Tuning {
		row("  measured", fmt.Sprintf("%s, %s, %s: %s, tile %d, %d at once, %.1f MP/s", r.Key.Device, r.Model, r.Key.Precision,
			r.Best.Variant, r.Best.Side, r.Best.Parallel, r.Best.MegapixelsPerSecond))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(d.Findings) == 0 {
		_, err := fmt.Fprintln(out, "\nEverything that upscaling needs is here.")
		return err
	}
	for _, f := range d.Findings {
		if _, err := fmt.Fprintf(out, "\nProblem: %s\n    Fix: %s\n", f.Problem, f.Fix); err != nil {
			return err
		}
	}
	return nil
}
