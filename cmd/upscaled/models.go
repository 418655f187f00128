package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"upscaled/cmd/upscaled/batch"
	"upscaled/cmd/upscaled/progress"
	"upscaled/cmd/upscaled/report"
	"upscaled/engine/fault"
	"upscaled/models"
)

// newModelsCommand is the family of verbs for networks and libraries.
func newModelsCommand(a *app) *cobra.Command {
	parent := &cobra.Command{
		Use:   "models",
		Short: "List, fetch, import, check, remove and export networks",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	parent.AddCommand(newModelsListCommand(a), newModelsPullCommand(a), newModelsImportCommand(a),
		newModelsVerifyCommand(a), newModelsRemoveCommand(a), newModelsExportCommand(a))
	return parent
}

func newModelsListCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show the networks and libraries there are and what is installed",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			store, err := a.openStore()
			if err != nil {
				return err
			}
			if asJSON {
				return a.writeJSON(store.List())
			}
			return a.modelTable(store.List())
		},
	}
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func newModelsPullCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "pull NAME...",
		Short:   "Fetch networks or libraries, check them and make them ready",
		Example: "  upscaled models pull realesrgan-x4plus\n  upscaled models pull onnxruntime realesr-general-x4v3",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, names []string) error {
			store, err := a.openStore()
			if err != nil {
				return err
			}
			defer a.showFetches()()
			var entries []models.Entry
			for _, name := range names {
				entry, err := store.Pull(cmd.Context(), name, a.fetched)
				if err != nil {
					return err
				}
				a.installed(entry, asJSON)
				entries = append(entries, entry)
			}
			if asJSON {
				return a.writeJSON(entries)
			}
			return nil
		},
	}
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func newModelsImportCommand(a *app) *cobra.Command {
	var asJSON bool
	var options models.ImportOptions
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Add a network from a .pth, .safetensors, ncnn or .onnx file",
		Long: `Adds a network from a file: PyTorch (.pth), .safetensors, ncnn (.param with its
.bin beside it) or ONNX with a picture of 0..1 in and out. RRDBNet and
SRVGGNetCompact of any size are recognised from their tensors. No code in a
file is ever executed.`,
		Example: "  upscaled models import 4x-my-network.pth\n  upscaled models import --name mine --scale 2 network.onnx",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			store, err := a.openStore()
			if err != nil {
				return err
			}
			entry, err := store.Import(cmd.Context(), arguments[0], options)
			if err != nil {
				return err
			}
			a.installed(entry, asJSON)
			if asJSON {
				return a.writeJSON(entry)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&options.Name, "name", "", "what to call the network (default: the file's name)")
	cmd.Flags().IntVar(&options.Scale, "scale", 0, "output side divided by input side of an ONNX file that does not tell it, 1 to 16 (default 0: read from the file)")
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func newModelsRemoveCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "rm NAME...",
		Short: "Remove networks or libraries from the store",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, names []string) error {
			store, err := a.openStore()
			if err != nil {
				return err
			}
			for _, name := range names {
				if err := store.Remove(name); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func addJSONFlag(cmd *cobra.Command, value *bool) {
	cmd.Flags().BoolVar(value, "json", false, "write JSON to standard output")
}

func (a *app) writeJSON(value any) error {
	encoder := json.NewEncoder(a.stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

func (a *app) modelTable(entries []models.Entry) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tSCALE\tSIZE\tINSTALLED\tLICENCE\tFOR")
	for _, e := range entries {
		scale, installed := "", "no"
		if e.Scale > 0 {
			scale = fmt.Sprintf("%dx", e.Scale)
		}
		switch {
		case e.Imported:
			installed = "imported"
		case e.Installed:
			installed = "yes"
		}
		purpose := e.Description
		for _, kind := range e.DefaultFor {
			purpose += " (default on " + kind + ")"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", e.Name, scale, progress.Size(e.Size), installed, e.Licence, purpose)
	}
	return w.Flush()
}

// showFetches lets downloads be seen until the returned function is called.
func (a *app) showFetches() (stop func()) {
	a.report = report.NewPeople(a.stderr, a.screen(), false)
	return func() {
		a.report.Close()
		a.report = nil
	}
}

// fetched shows one step of a download and, at its begin, whose work it is
// and under which licence. The store calls it once at a time.
func (a *app) fetched(p models.Progress) {
	if a.report == nil {
		return
	}
	if !a.announced[p.Name] {
		if a.announced == nil {
			a.announced = make(map[string]bool)
		}
		a.announced[p.Name] = true
		a.announce(p.Name)
	}
	name := p.Name
	if p.Label != "" {
		name += " (" + p.Label + ")"
	}
	a.report.Fetched(name, p.Done, p.Total)
}

func (a *app) announce(name string) {
	text := "fetching " + name
	if entry, err := a.store.Entry(name); err == nil {
		text += fmt.Sprintf(" (%s; %s)", entry.Licence, entry.Origin)
		if entry.Notice != "" {
			text += "\n  " + entry.Notice
		}
	}
	a.report.Noted(batch.Note{Message: text})
}

// installed tells people what they got and under which licence.
func (a *app) installed(e models.Entry, asJSON bool) {
	if asJSON {
		return
	}
	lines := []string{fmt.Sprintf("%s is installed: %s (%s)", e.Name, e.Description, progress.Size(e.Size))}
	if e.Licence != "" {
		lines = append(lines, fmt.Sprintf("  licence %s; %s", e.Licence, e.Origin))
	}
	if e.Notice != "" {
		lines = append(lines, "  "+e.Notice)
	}
	text := strings.Join(lines, "\n")
	if a.report != nil {
		a.report.Noted(batch.Note{Message: text})
		return
	}
	fmt.Fprintln(a.stderr, text)
}

// checked is the result of verify for programs.
type checked struct {
	Name    string     `json:"name"`
	OK      bool       `json:"ok"`
	Message string     `json:"message,omitempty"`
	Kind    fault.Kind `json:"kind,omitempty"`
}

func newModelsVerifyCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify [NAME...]",
		Short: "Read installed networks and libraries again and compare their SHA-256",
		RunE: func(cmd *cobra.Command, names []string) error {
			return a.verify(cmd.Context(), names, asJSON)
		},
	}
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func (a *app) verify(ctx context.Context, names []string, asJSON bool) error {
	store, err := a.openStore()
	if err != nil {
		return err
	}
	results, err := store.Verify(ctx, names...)
	if err != nil {
		return err
	}
	all := make([]checked, 0, len(results))
	damaged := 0
	for _, result := range results {
		all = append(all, checked{result.Name, result.Err == nil, fault.Sentence(result.Err), fault.KindOf(result.Err)})
		if result.Err != nil {
			damaged++
		}
	}
	if asJSON {
		err = a.writeJSON(all)
	} else {
		for _, c := range all {
			if c.OK {
				fmt.Fprintf(a.stdout, "%s: undamaged\n", c.Name)
			} else {
				fmt.Fprintf(a.stdout, "%s: %s\n", c.Name, c.Message)
			}
		}
	}
	if err == nil && damaged > 0 {
		err = codedError{fmt.Errorf("%d of %d are damaged or missing", damaged, len(all)), exitFailed}
	}
	return err
}
