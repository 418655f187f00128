package operate

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"upscaled/cmd/upscaled/report"
	"upscaled/server/account"
	"upscaled/server/dialect/native"
	"upscaled/server/job"
	"upscaled/server/queue"
)

const jobsHelp = `Shows the jobs of all keys and APIs, newest first, as long as they are kept
(queue.retention), and cancels them, deletes them, runs failed ones again or
changes the priority of those that wait.`

const jobsExample = `  upscaled jobs --state failed --younger-than 1h
  upscaled jobs retry up_4k0a7m2q9x8c5v1b3n6z7l2d
  upscaled jobs priority up_4k0a7m2q9x8c5v1b3n6z7l2d high`

func newJobs(p Program) *cobra.Command {
	t := &tool{Program: p}
	var f job.Filter
	var asJSON bool
	cmd := &cobra.Command{Use: "jobs", Short: "Show the jobs of all keys, cancel or delete them or run them again", Long: jobsHelp, Example: jobsExample}
	t.group(cmd,
		t.jobCommand("cancel ID...", "Stop jobs that wait or run", func(ctx context.Context, o *queue.Operator, id string) error { return o.Cancel(ctx, id) }),
		t.jobCommand("retry ID...", "Run failed jobs again; each costs its price once", func(ctx context.Context, o *queue.Operator, id string) error {
			_, err := o.Retry(ctx, id)
			return err
		}),
		t.jobCommand("delete ID...", "Erase jobs with their images; what results cost stays paid", func(ctx context.Context, o *queue.Operator, id string) error { return o.Delete(ctx, id) }),
		t.priority())
	cmd.RunE = t.withJobs(func(ctx context.Context, o *queue.Operator, _ []string) error {
		found, next, err := o.Find(ctx, f)
		if err != nil {
			return err
		}
		views := []native.QueueJob{}
		for _, j := range found {
			views = append(views, native.NewQueueJob(j))
		}
		if asJSON {
			return report.WriteJSON(t.Stdout, views)
		}
		if next != "" {
			fmt.Fprintf(t.Stderr, "There are older ones: add --before %s\n", next)
		}
		return writeJobs(t.Stdout, views, time.Now())
	})
	flags := cmd.Flags()
	flags.StringVar((*string)(&f.State), "state", "", "only queued, running, succeeded, failed or canceled ones")
	flags.StringVar(&f.Account, "key", "", "only those of a key, by its ID")
	flags.StringVar(&f.API, "api", "", "only those of an API, such as native or mnml")
	flags.StringVar(&f.Model, "model", "", "only those that name or used a model")
	flags.DurationVar(&f.MinAge, "older-than", 0, "only those accepted longer ago, such as 10m")
	flags.DurationVar(&f.MaxAge, "younger-than", 0, "only those accepted since, such as 1h")
	flags.IntVar(&f.Limit, "limit", job.LongestPage, "how many at most, 1 to 100")
	flags.StringVar(&f.Before, "before", "", "continue a list where it ended")
	flags.BoolVar(&asJSON, "json", false, "print a JSON array")
	return cmd
}

// withJobs returns a RunE that opens the jobs.
func (t *tool) withJobs(run func(ctx context.Context, o *queue.Operator, arguments []string) error) func(*cobra.Command, []string) error {
	return t.withKeys(func(cmd *cobra.Command, keys *account.Accounts, arguments []string) error {
		connection, err := t.join()
		if err != nil {
			return err
		}
		operator, err := queue.NewOperator(cmd.Context(), connection, keys, slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		return run(cmd.Context(), operator, arguments)
	})
}

// jobCommand returns a command that does something with each of its jobs.
func (t *tool) jobCommand(use, short string, do func(ctx context.Context, o *queue.Operator, id string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short,
		RunE: t.withJobs(func(ctx context.Context, o *queue.Operator, ids []string) error {
			for _, id := range ids {
				if err := do(ctx, o, id); err != nil {
					return err
				}
			}
			return nil
		}),
	}
}

func (t *tool) priority() *cobra.Command {
	return &cobra.Command{
		Use: "priority ID PRIORITY", Short: "Let a job that waits begin before or after others: high, normal or low",
		RunE: t.withJobs(func(ctx context.Context, o *queue.Operator, arguments []string) error {
			p, err := native.ParsePriority(arguments[1])
			if err != nil {
				return t.Usage(err)
			}
			_, err = o.Prioritize(ctx, arguments[0], p)
			return err
		}),
	}
}

func writeJobs(w io.Writer, jobs []native.QueueJob, now time.Time) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tAPI\tKEY\tSTATE\tPRIORITY\tMODEL\tWORKER\tAGE\tERROR")
	for _, j := range jobs {
		failure := ""
		if j.Error != nil {
			failure = j.Error.Message
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", j.ID, j.API, cmp.Or(j.Account, "-"), j.State, j.Priority, cmp.Or(j.Model, "-"),
			cmp.Or(j.Worker, "-"), max(0, now.Sub(j.CreatedAt)).Round(time.Second), failure)
	}
	return table.Flush()
}
