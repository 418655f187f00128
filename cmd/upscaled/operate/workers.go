package operate

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"upscaled/cmd/upscaled/report"
	"upscaled/server/job"
	"upscaled/server/queue"
)

const workersHelp = `Shows every process that runs jobs: the one of 'upscaled serve' and all of
'upscaled worker'. A lost one died or is cut off; it is listed for ten minutes.`

func newWorkers(p Program) *cobra.Command {
	t := &tool{Program: p}
	var asJSON, watch bool
	cmd := &cobra.Command{
		Use: "workers", Short: "Show the workers and what they do, or drain one", Long: workersHelp,
		Example: "  upscaled workers\n  upscaled workers --watch --nats nats://queue.example.com:4222\n  upscaled workers drain gpu1",
	}
	t.group(cmd, t.drain("drain", "Let a worker finish its jobs and take no others", true),
		t.drain("undrain", "Let a drained worker take jobs again", false))
	cmd.RunE = t.withFleet(func(ctx context.Context, fleet *queue.Fleet, _ []string) error {
		for {
			workers, err := fleet.Workers(ctx)
			if err != nil {
				return err
			}
			if err := t.showWorkers(workers, asJSON, watch); err != nil || !watch {
				return err
			}
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return nil
			}
		}
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	cmd.Flags().BoolVar(&watch, "watch", false, "show them again every second until interrupted")
	return cmd
}

// withFleet returns a RunE that opens the list of workers.
func (t *tool) withFleet(run func(ctx context.Context, fleet *queue.Fleet, arguments []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, arguments []string) error {
		connection, err := t.join()
		if err != nil {
			return err
		}
		fleet, err := connection.Fleet(cmd.Context())
		if err != nil {
			return err
		}
		return run(cmd.Context(), fleet, arguments)
	}
}

func (t *tool) drain(name, short string, on bool) *cobra.Command {
	return &cobra.Command{
		Use: name + " NAME", Short: short,
		RunE: t.withFleet(func(ctx context.Context, fleet *queue.Fleet, names []string) error {
			w, err := fleet.Drain(ctx, names[0], on)
			if err == nil {
				fmt.Fprintf(t.Stderr, "Worker %s is %s; it runs %d jobs.\n", w.Name, w.State, len(w.Jobs))
			}
			return err
		}),
	}
}

func (t *tool) showWorkers(workers []job.Worker, asJSON, watch bool) error {
	const clear = "\x1b[H\x1b[2J"
	if watch && !asJSON && t.Terminal(t.Stdout) {
		fmt.Fprint(t.Stdout, clear)
	}
	switch {
	case asJSON:
		return report.WriteJSON(t.Stdout, workers)
	case len(workers) == 0:
		_, err := fmt.Fprintln(t.Stdout, "There are no workers: start 'upscaled serve' or 'upscaled worker'.")
		return err
	}
	return writeWorkers(t.Stdout, workers, time.Now())
}

// writeWorkers writes a table.
func writeWorkers(w io.Writer, workers []job.Worker, now time.Time) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tSTATE\tSEEN\tVERSION\tDEVICE\tJOBS\tDONE\tFAILED\tMODELS")
	for _, v := range workers {
		var installed, running []string
		for _, m := range v.Models {
			if m.Installed {
				installed = append(installed, m.Name)
			}
		}
		for _, j := range v.Jobs {
			running = append(running, fmt.Sprintf("%s (%s)", j.ID, max(0, now.Sub(j.Since)).Round(time.Second)))
		}
		fmt.Fprintf(table, "%s\t%s\t%s ago\t%s\t%s\t%s\t%d\t%d\t%s\n", v.Name, v.State, max(0, now.Sub(v.Heartbeat)).Round(time.Second), v.Version,
			orNone(v.Devices), orNone(running), v.Succeeded, v.Failed, orNone(installed))
	}
	return table.Flush()
}

func orNone(texts []string) string { return cmp.Or(strings.Join(texts, ", "), "-") }
