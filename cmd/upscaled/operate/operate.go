// Package operate has the commands of operators: keys, workers and jobs. They act on
// the store that servers and workers share, beside a running server or alone.
package operate

import (
	"io"
	"log/slog"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"upscaled/cmd/upscaled/settings"
	"upscaled/server/queue"
)

// Program holds the parts of the program that the commands use.
type Program struct {
	Stdout, Stderr io.Writer
	LookupEnv      func(string) (string, bool)
	Terminal       func(any) bool
	// Declare declares a command's settings for it and all below it.
	Declare func(*cobra.Command, []settings.Setting)
	// Load loads a command's settings before it runs, for shells that complete it.
	Load func(*cobra.Command)
	// Join opens the store; the program closes it.
	Join func(q settings.Queue, log *slog.Logger, alone bool) (*queue.Connection, error)
	// Usage marks an error as a mistake on the command line.
	Usage func(error) error
	// WebhookSecret is the secret's name in the store.
	WebhookSecret string
}

// tool is one command tree with the settings of its store.
type tool struct {
	Program
	store      settings.Queue
	connection *queue.Connection // nil before join
}

// Commands returns the commands.
func Commands(p Program) []*cobra.Command {
	return []*cobra.Command{newKeys(p), newWorkers(p), newJobs(p)}
}

// group returns the parent of commands.
func (t *tool) group(cmd *cobra.Command, children ...*cobra.Command) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	t.Declare(cmd, t.store.Settings())
	cmd.AddCommand(children...)
	return cmd
}

// join opens the store once.
func (t *tool) join() (_ *queue.Connection, err error) {
	if t.connection == nil {
		t.connection, err = t.Join(t.store, slog.New(slog.DiscardHandler), true)
	}
	return t.connection, err
}

// bound is how tables show a limit; 0 is none.
func bound(n float64) string {
	if n == 0 {
		return "-"
	}
	return strconv.FormatFloat(n, 'g', -1, 64)
}

// day is how tables show a day.
func day(t time.Time) string { return t.Format(time.DateOnly) }
