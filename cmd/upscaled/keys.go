package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"upscaled/cmd/upscaled/report"
	"upscaled/cmd/upscaled/serving"
	"upscaled/cmd/upscaled/settings"
	"upscaled/server/account"
	"upscaled/server/webhook"
)

const keysHelp = `Keys guard the server: once there is one, every call needs one. They are kept
in the same store as the jobs (--data or --nats); changes take effect within a
moment, whether the server runs or not. Only a hash of a key is stored.`

func newKeysCommand(a *app) *cobra.Command {
	var queue settings.Queue
	cmd := &cobra.Command{
		Use: "keys", Short: "Make, list and change API keys, credits and quotas", Long: keysHelp,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	a.hasSettings(cmd, cmd.PersistentFlags(), true, queue.Settings())
	cmd.AddCommand(newWebhookSecretCommand(a, &queue), newKeysNewCommand(a, &queue), newKeysListCommand(a, &queue), newKeysTopupCommand(a, &queue),
		newKeysSwitchCommand(a, &queue, "disable", "Refuse calls with a key; its running jobs go on", true),
		newKeysSwitchCommand(a, &queue, "enable", "Take calls with a disabled key again", false))
	return cmd
}

// openAccounts opens the key store beside a running server or alone.
func (a *app) openAccounts(ctx context.Context, q settings.Queue) (*account.Accounts, error) {
	connection, err := a.program().Join(q, slog.New(slog.DiscardHandler), true)
	if err != nil {
		return nil, err
	}
	store, err := connection.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	return account.New(store, time.Now), nil
}

func newWebhookSecretCommand(a *app, q *settings.Queue) *cobra.Command {
	return &cobra.Command{
		Use: "webhook-secret", Short: "Print the secret that webhooks are signed with",
		Long: "Prints the secret for checking webhook signatures, as Standard Webhooks libraries take it.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			connection, err := a.program().Join(*q, slog.New(slog.DiscardHandler), true)
			if err != nil {
				return err
			}
			secret, err := connection.Secret(cmd.Context(), serving.WebhookSecret)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(a.stdout, webhook.SecretText(secret))
			return err
		},
	}
}

func newKeysNewCommand(a *app, q *settings.Queue) *cobra.Command {
	var o account.NewOptions
	cmd := &cobra.Command{
		Use: "new NAME", Short: "Make a key and print it, this once",
		Example: "  upscaled keys new shop --credits 500\n  upscaled keys new studio --unlimited --per-second 5",
		RunE: func(cmd *cobra.Command, names []string) error {
			accounts, err := a.openAccounts(cmd.Context(), *q)
			if err != nil {
				return err
			}
			o.Name = names[0]
			key, made, err := accounts.Create(cmd.Context(), o)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.stderr, "Key %s for %q. It is shown only now; keep it safe.\n", made.ID, made.Name)
			_, err = fmt.Fprintln(a.stdout, key)
			return err
		},
	}
	flags := cmd.Flags()
	flags.Int64Var(&o.Credits, "credits", 0, "credits to begin with")
	flags.BoolVar(&o.Unlimited, "unlimited", false, "take no credits")
	flags.IntVar(&o.Limits.PerDay, "per-day", 0, "requests in rolling 24 h over all APIs (default 0: each API's own quota)")
	flags.Float64Var(&o.Limits.PerSecond, "per-second", 0, "requests a second, on average (default 0: no bound)")
	flags.IntVar(&o.Limits.Concurrent, "concurrent", 0, "unfinished jobs at most (default 0: the server's --per-key)")
	return cmd
}

func newKeysListCommand(a *app, q *settings.Queue) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "Show all keys with their credits and limits",
		RunE: func(cmd *cobra.Command, _ []string) error {
			accounts, err := a.openAccounts(cmd.Context(), *q)
			if err != nil {
				return err
			}
			all, err := accounts.List(cmd.Context())
			if err != nil {
				return err
			}
			if len(all) == 0 && !asJSON { // perhaps of the wrong store
				fmt.Fprintf(a.stderr, "There are no keys in %s: every call to the server passes. Make one with 'upscaled keys new NAME'.\n", cmp.Or(q.NATS, q.Folder(a.lookupEnv)))
				return nil
			}
			return report.WriteKeys(a.stdout, all, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	return cmd
}

func newKeysTopupCommand(a *app, q *settings.Queue) *cobra.Command {
	return &cobra.Command{
		Use: "topup ID CREDITS", Short: "Add credits to a key, or with -- -N take some away",
		Example: "  upscaled keys topup 1f0a5c7de2b94c0811 500",
		RunE: func(cmd *cobra.Command, arguments []string) error {
			credits, err := strconv.ParseInt(arguments[1], 10, 64)
			if err != nil {
				return usageError{fmt.Errorf("%q is no number of credits", arguments[1])}
			}
			accounts, err := a.openAccounts(cmd.Context(), *q)
			if err != nil {
				return err
			}
			changed, err := accounts.TopUp(cmd.Context(), arguments[0], credits)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(a.stdout, changed.Credits)
			return err
		},
	}
}

func newKeysSwitchCommand(a *app, q *settings.Queue, name, short string, disabled bool) *cobra.Command {
	return &cobra.Command{
		Use: name + " ID", Short: short,
		RunE: func(cmd *cobra.Command, ids []string) error {
			accounts, err := a.openAccounts(cmd.Context(), *q)
			if err != nil {
				return err
			}
			changed, err := accounts.SetDisabled(cmd.Context(), ids[0], disabled)
			if err == nil {
				fmt.Fprintf(a.stderr, "Key %s (%q) is %sd.\n", changed.ID, changed.Name, name)
			}
			return err
		},
	}
}
