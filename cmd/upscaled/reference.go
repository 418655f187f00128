package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"upscaled/cmd/upscaled/reference"
	"upscaled/cmd/upscaled/settings"
	"upscaled/server"
)

// cliPage is the file name of the Markdown reference.
const cliPage = "cli.md"

// newReferenceCommand is hidden: releases run it and contain the result.
func newReferenceCommand(a *app) *cobra.Command {
	var markdown, man string
	cmd := &cobra.Command{
		Use: "reference", Short: "Write the command line's reference", Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if markdown == "" && man == "" {
				return usageError{errors.New("nothing to write; name a folder with --man or --markdown")}
			}
			pages := reference.Pages(cmd.Root(), settings.EnvironmentKey)
			if markdown != "" {
				if err := reference.WriteMarkdown(markdown, cliPage, pages, settingsWithoutFlag(), exitCodes()); err != nil {
					return err
				}
			}
			if man == "" {
				return nil
			}
			source, _, _ := strings.Cut(cmd.Root().Version, " (") // the same for all platforms
			return reference.WriteMan(man, pages, source, exitCodes())
		},
	}
	cmd.Flags().StringVar(&markdown, "markdown", "", "folder to write "+cliPage+" to")
	cmd.Flags().StringVar(&man, "man", "", "folder to write manual pages to, one per command")
	return cmd
}

// exitCodes documents the codes of exit.go.
func exitCodes() []reference.ExitCode {
	return []reference.ExitCode{
		{Code: exitOK, Meaning: "everything was made or skipped"},
		{Code: exitFailed, Meaning: "at least one image failed, or a check did not pass"},
		{Code: exitUsage, Meaning: "the command line or a setting makes no sense; nothing was done"},
		{Code: exitMissing, Meaning: "ONNX Runtime or a model is missing and could not be downloaded"},
		{Code: exitMemory, Meaning: "the device has too little memory"},
		{Code: exitDevice, Meaning: "the GPU stopped working; start the program again"},
		{Code: exitInternal, Meaning: "a defect in the program; please report the text"},
		{Code: exitInterrupted, Meaning: "interrupted"},
	}
}

// settingsWithoutFlag describes the settings that only files, variables and --set
// can set, in the order of 'upscaled config'.
func settingsWithoutFlag() (all []reference.Flag) {
	set := settings.New(serveSettings(&server.Config{}, &settings.Queue{}, &settings.Work{}, &settings.Watch{}, new(bool)))
	for _, d := range set.All() {
		if !d.Flag {
			all = append(all, reference.Flag{Name: d.Key, Usage: d.Help, Environment: d.Environment(), Default: reference.Default(set.Lookup(d.Key))})
		}
	}
	return all
}
