package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"upscaled/cmd/upscaled/report"
	"upscaled/cmd/upscaled/settings"
	"upscaled/engine/upscaler"
	"upscaled/models"
	"upscaled/models/fault"
	"upscaled/models/index"
)

// newModelsCommand returns the commands for models and libraries.
func newModelsCommand(a *app) *cobra.Command {
	parent := &cobra.Command{
		Use:   "models",
		Short: "List, search, download, import, mix, check, remove and export models",
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	parent.AddCommand(newModelsListCommand(a), newModelsSearchCommand(a), newModelsPullCommand(a), newModelsImportCommand(a), newModelsMixCommand(a),
		newModelsVerifyCommand(a), newModelsRemoveCommand(a), newModelsExportCommand(a))
	return parent
}

func newModelsListCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show the models and libraries there are and what is installed",
		RunE: func(*cobra.Command, []string) error {
			store, err := a.openStore()
			if err != nil {
				return err
			}
			if asJSON {
				return report.WriteJSON(a.stdout, store.List())
			}
			return report.WriteModels(a.stdout, store.List())
		},
	}
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func newModelsSearchCommand(a *app) *cobra.Command {
	var asJSON bool
	var from string
	cmd := &cobra.Command{
		Use:   "search WORD...",
		Short: "Search an index of models, such as OpenModelDB's",
		Long: `Lists the models of an index whose name, architecture, author, tags, license or
scale (4x) contain every word. 'upscaled models pull --index' downloads them.
The program has no index of its own.`,
		Example: "  upscaled models search --index models.json 4x anime",
		RunE: func(cmd *cobra.Command, words []string) error {
			store, err := a.openStore()
			if err != nil {
				return err
			}
			listed, err := store.ReadIndex(cmd.Context(), from)
			if err != nil {
				return err
			}
			return report.WriteListed(a.stdout, index.Matching(listed, words), asJSON)
		},
	}
	addIndexFlag(cmd, &from)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func addIndexFlag(cmd *cobra.Command, value *string) {
	cmd.Flags().StringVar(value, "index", "", "file or https URL of a list of models in the shape of OpenModelDB's models.json")
}

func newModelsPullCommand(a *app) *cobra.Command {
	var asJSON bool
	var from, platform string
	cmd := &cobra.Command{
		Use:   "pull NAME...",
		Short: "Download models or libraries, check them and make them ready",
		Example: "  upscaled models pull realesrgan-x4plus\n  upscaled models pull onnxruntime realesr-general-x4v3\n" +
			"  upscaled models pull --index models.json 4x-ClearRealityV1",
		RunE: func(cmd *cobra.Command, names []string) error {
			store, err := a.openStoreFor(platform)
			if err != nil {
				return err
			}
			var listed []index.Model
			if from != "" {
				if listed, err = store.ReadIndex(cmd.Context(), from); err != nil {
					return err
				}
			}
			defer a.showFetches()()
			var entries []models.Entry
			err = store.PullAll(cmd.Context(), listed, names, models.ImportOptions{Probe: upscaler.Probe(store)}, a.fetched, func(entry models.Entry) {
				a.installed(entry, asJSON)
				entries = append(entries, entry)
			})
			if err == nil && asJSON {
				err = report.WriteJSON(a.stdout, entries)
			}
			return err
		},
	}
	addIndexFlag(cmd, &from)
	cmd.Flags().StringVar(&platform, "for", "", "system that the folder of --home is for, such as windows/amd64 (default: this one)")
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func newModelsImportCommand(a *app) *cobra.Command {
	var asJSON bool
	var options models.ImportOptions
	var restorer settings.Restorer
	var convention settings.Convention
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Add a model from a .pth, .safetensors, ncnn or .onnx file",
		Long: `Adds a model from a file: PyTorch (.pth, .pt or TorchScript), .safetensors, ncnn
(.param with its .bin beside it) or ONNX with an image in and out; or all models
of a folder or a zip archive. The guide lists the architectures that are recognized from their tensors. An ONNX file is run on
small images to find its scale, sizes and range of values. With --restorer, it
is taken as a restorer of aligned faces, such as GFPGAN, CodeFormer,
RestoreFormer++ or GPEN. No code in a file is ever executed.`,
		Example: "  upscaled models import 4x-my-network.pth\n  upscaled models import --name mine --scale 2 network.onnx\n" +
			"  upscaled models import --restorer --restorer-extra weight=0.7 codeformer.onnx",
		RunE: func(cmd *cobra.Command, arguments []string) error {
			store, err := a.openStore()
			if err != nil {
				return err
			}
			if options.Restorer, err = restorer.Descriptor(cmd.Flags()); err != nil {
				return usageError{err}
			}
			if options.Convention, err = convention.Convention(); err != nil {
				return usageError{err}
			}
			options.Probe, options.ProbeRestorer = upscaler.Probe(store), upscaler.ProbeRestorer(store)
			defer a.showFetches()()
			return a.importAll(cmd.Context(), store, arguments[0], options, asJSON)
		},
	}
	cmd.Flags().StringVar(&options.Name, "name", "", "name of the model (default: the file's name)")
	settings.AddAbout(cmd.Flags(), &options.About)
	convention.AddFlags(cmd.Flags())
	restorer.AddFlags(cmd.Flags())
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func newModelsMixCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "mix NAME MODEL=PART...",
		Short:   "Store the weighted mean of models of one architecture as a model",
		Example: "  upscaled models mix soft realesrgan-x4plus=0.7 mine=0.3",
		Args:    cobra.MinimumNArgs(3),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			store, err := a.openStore()
			if err != nil {
				return err
			}
			defer a.showFetches()()
			entry, err := store.Mix(cmd.Context(), arguments[0], strings.Join(arguments[1:], ","))
			if err != nil {
				return err
			}
			return a.reportAdded(entry, asJSON)
		},
	}
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// importAll imports the model files that a path names. Of several, those that cannot be
// imported are noted and passed over.
func (a *app) importAll(ctx context.Context, store *models.Store, path string, options models.ImportOptions, asJSON bool) error {
	entries := []models.Entry{}
	failed, err := store.ImportAll(ctx, path, options, func(file string, entry models.Entry, err error) {
		if err != nil {
			a.note(filepath.Base(file) + ": " + fault.Sentence(err))
			return
		}
		a.installed(entry, asJSON)
		entries = append(entries, entry)
	})
	if asJSON && err == nil {
		err = report.WriteAdded(a.stdout, entries, failed)
	}
	if err == nil && failed > 0 {
		err = codedError{fmt.Errorf("%d of %d files cannot be imported", failed, failed+len(entries)), exitFailed}
		a.note(err.Error())
	}
	return err
}

// reportAdded reports a model that was added to the store.
func (a *app) reportAdded(entry models.Entry, asJSON bool) error {
	a.installed(entry, asJSON)
	if asJSON {
		return report.WriteJSON(a.stdout, entry)
	}
	return nil
}

func newModelsRemoveCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "rm NAME...",
		Short: "Remove models or libraries from the store",
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

func newModelsVerifyCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify [NAME...]",
		Short: "Read installed models and libraries again and compare their SHA-256",
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
	damaged, err := report.WriteVerified(a.stdout, results, asJSON)
	if err == nil && damaged > 0 {
		err = codedError{fmt.Errorf("%d of %d are damaged or missing", damaged, len(results)), exitFailed}
	}
	return err
}

func addJSONFlag(cmd *cobra.Command, value *bool) {
	cmd.Flags().BoolVar(value, "json", false, "write JSON to standard output")
}
