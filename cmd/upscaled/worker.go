package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"upscaled/models/fault"
)

const workerHelp = `Runs jobs that 'upscaled serve' accepted, on this machine's device. With --nats
it may run anywhere that reaches the NATS server; without, it joins the server
that runs on this machine with the same --data.`

const workerExample = `  upscaled worker --nats nats://queue.example.com:4222
  upscaled worker --device cuda:1`

func newWorkerCommand(a *app) *cobra.Command {
	var queue queueSettings
	var work workSettings
	var watching operationSettings
	cmd := &cobra.Command{
		Use: "worker", Short: "Run jobs for a server, here or elsewhere", Long: workerHelp, Example: workerExample,
		Annotations: map[string]string{checksItself: "yes"},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := mistaken(slices.Concat(a.problems, work.problems(), watching.problems())); err != nil {
				return err
			}
			work.engineArguments = engineArguments(cmd.Flags())
			return a.runWorker(cmd.Context(), queue, work, watching)
		},
	}
	queue.declare(cmd.Flags())
	work.declare(cmd.Flags())
	watching.declare(cmd.Flags())
	a.addComputeFlags(cmd.Flags())
	addFileFlag(cmd.Flags())
	return cmd
}

func (a *app) runWorker(ctx context.Context, q queueSettings, w workSettings, o operationSettings) error {
	log := newLogger(a.stderr, w)
	connection, err := a.join(q, log, false)
	if fault.KindOf(err) == fault.NotFound {
		return usageError{fmt.Errorf("no upscaled server is running on the data folder %s; start 'upscaled serve', or name an external queue with --nats", q.folder(a.lookupEnv))}
	} else if err != nil {
		return err
	}
	ready := &readiness{check: connection.Healthy}
	self := &system{app: a, ready: ready, worker: true}
	watched, err := a.watch(ctx, o, self, log)
	if err != nil {
		return err
	}
	defer watched.close()
	back, err := a.openBackend(ctx, connection, w, true, nil, watched.forJobs(), log)
	if err != nil {
		return err
	}
	self.queue = back.queue
	watched.serve(ctx)
	return underQueue(ctx, back, func(ctx context.Context) error {
		return a.work(ctx, back, w, log, ready, watched.forWorker())
	})
}
