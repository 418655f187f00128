package operate

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"upscaled/models/fault"
	"upscaled/server/account"
	"upscaled/server/webhook"
)

const keysHelp = `Keys guard the server: once there is one, every call needs one. They are kept
in the same store as the jobs (--data or --nats); changes take effect within a
moment, whether the server runs or not. Only a hash of a key is stored.`

func newKeys(p Program) *cobra.Command {
	t := &tool{Program: p}
	keys := t.group(&cobra.Command{Use: "keys", Short: "Make, list and change API keys, credits and quotas", Long: keysHelp},
		t.webhookSecret(), t.newKey(), t.listKeys(), t.setKey(), t.topUp(), t.rotateKey(), t.deleteKey(), t.usage(),
		t.switchKey("disable", "Refuse calls with a key; its running jobs go on", true),
		t.switchKey("enable", "Take calls with a disabled key again", false))
	for _, cmd := range keys.Commands() {
		if strings.Contains(cmd.Use, "ID") {
			cmd.ValidArgsFunction = offerKeys(t)
		}
	}
	return keys
}

// offerKeys lets shells complete the ID of a key.
func offerKeys(t *tool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, arguments []string, _ string) (words []cobra.Completion, _ cobra.ShellCompDirective) {
		t.Load(cmd)
		_, err := os.Stat(t.store.Folder(t.LookupEnv))
		if len(arguments) > 0 || err != nil && t.store.NATS == "" { // the store would be made
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		err = t.withKeys(func(cmd *cobra.Command, keys *account.Accounts, _ []string) error {
			all, err := keys.List(cmd.Context())
			for _, key := range all {
				words = append(words, cobra.CompletionWithDesc(key.ID, key.Name))
			}
			return err
		})(cmd, nil)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}

// withKeys returns a RunE that opens the key store.
func (t *tool) withKeys(run func(cmd *cobra.Command, keys *account.Accounts, arguments []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, arguments []string) error {
		connection, err := t.join()
		if err != nil {
			return err
		}
		store, err := connection.Accounts(cmd.Context())
		if err != nil {
			return err
		}
		return run(cmd, account.New(store, time.Now), arguments)
	}
}

func (t *tool) webhookSecret() *cobra.Command {
	return &cobra.Command{
		Use: "webhook-secret", Short: "Print the secret that webhooks are signed with",
		Long: "Prints the secret for checking webhook signatures, as Standard Webhooks libraries take it.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			connection, err := t.join()
			if err != nil {
				return err
			}
			secret, err := connection.Secret(cmd.Context(), t.WebhookSecret)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(t.Stdout, webhook.SecretText(secret))
			return err
		},
	}
}

// addLimits adds the flags of a key's limits.
func addLimits(flags *pflag.FlagSet, l *account.Limits, expires *string) {
	flags.IntVar(&l.PerDay, "per-day", 0, "requests in rolling 24 h over all APIs (default 0: each API's own quota)")
	flags.Float64Var(&l.PerSecond, "per-second", 0, "requests a second, on average (default 0: no bound)")
	flags.IntVar(&l.Concurrent, "concurrent", 0, "unfinished jobs at most (default 0: the server's --per-key)")
	flags.StringVar(expires, "expires", "", "when the key stops working: a date such as 2027-01-31, a time from now such as 720h, or never")
}

// given returns a flag's value, nil if the command line does not have it.
func given[T any](flags *pflag.FlagSet, name string, value *T) *T {
	if flags.Changed(name) {
		return value
	}
	return nil
}

// parseExpiry reads --expires; the zero time is never.
func (t *tool) parseExpiry(text string) (time.Time, error) {
	if text == "" || text == "never" {
		return time.Time{}, nil
	}
	if from, err := time.ParseDuration(text); err == nil && from > 0 {
		return time.Now().Add(from).UTC(), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, t.Usage(fmt.Errorf("--expires takes a date such as 2027-01-31, a time from now such as 720h, or never, not %q", text))
}

func (t *tool) newKey() *cobra.Command {
	var o account.NewOptions
	var expires string
	cmd := &cobra.Command{
		Use: "new NAME", Short: "Make a key and print it, this once",
		Example: "  upscaled keys new shop --credits 500\n  upscaled keys new studio --unlimited --per-second 5\n  upscaled keys new admin --operator",
		RunE: t.withKeys(func(cmd *cobra.Command, keys *account.Accounts, names []string) (err error) {
			o.Name = names[0]
			if o.Expires, err = t.parseExpiry(expires); err != nil {
				return err
			}
			key, made, err := keys.Create(cmd.Context(), o)
			return t.printKey(key, made, err)
		}),
	}
	cmd.Flags().Int64Var(&o.Credits, "credits", 0, "credits to begin with")
	cmd.Flags().BoolVar(&o.Unlimited, "unlimited", false, "take no credits")
	cmd.Flags().BoolVar(&o.Operator, "operator", false, "let the key see and steer all workers, jobs and keys")
	addLimits(cmd.Flags(), &o.Limits, &expires)
	return cmd
}

func (t *tool) printKey(key string, a account.Account, err error) error {
	if err != nil {
		return err
	}
	fmt.Fprintf(t.Stderr, "Key %s for %q. It is shown only now; keep it safe.\n", a.ID, a.Name)
	_, err = fmt.Fprintln(t.Stdout, key)
	return err
}

func (t *tool) listKeys() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "Show all keys with their credits and limits",
		RunE: t.withKeys(func(cmd *cobra.Command, keys *account.Accounts, _ []string) error {
			all, err := keys.List(cmd.Context())
			if err != nil {
				return err
			}
			if len(all) == 0 && !asJSON { // perhaps of the wrong store
				fmt.Fprintf(t.Stderr, "There are no keys in %s: every call to the server passes. Make one with 'upscaled keys new NAME'.\n", cmp.Or(t.store.NATS, t.store.Folder(t.LookupEnv)))
				return nil
			}
			return writeKeys(t.Stdout, all, asJSON)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	return cmd
}

func (t *tool) setKey() *cobra.Command {
	var l account.Limits
	var expires, name string
	cmd := &cobra.Command{
		Use: "set ID", Short: "Change a key's limits, end or name; flags that are left out change nothing",
		Example: "  upscaled keys set 1f0a5c7de2b94c0811 --per-second 5 --expires 2027-01-31",
	}
	cmd.RunE = t.withKeys(func(cmd *cobra.Command, keys *account.Accounts, ids []string) error {
		until, err := t.parseExpiry(expires)
		if err != nil {
			return err
		}
		flags := cmd.Flags()
		c := account.Changes{
			Name: given(flags, "name", &name), PerDay: given(flags, "per-day", &l.PerDay), PerSecond: given(flags, "per-second", &l.PerSecond),
			Concurrent: given(flags, "concurrent", &l.Concurrent), Expires: given(flags, "expires", &until),
		}
		a, err := keys.Change(cmd.Context(), ids[0], c)
		if err != nil {
			return err
		}
		return writeKeys(t.Stdout, []account.Account{a}, false)
	})
	addLimits(cmd.Flags(), &l, &expires)
	cmd.Flags().StringVar(&name, "name", "", "the key's name")
	return cmd
}

func (t *tool) topUp() *cobra.Command {
	return &cobra.Command{
		Use: "topup ID CREDITS", Short: "Add credits to a key, or with -- -N take some away",
		Example: "  upscaled keys topup 1f0a5c7de2b94c0811 500",
		RunE: t.withKeys(func(cmd *cobra.Command, keys *account.Accounts, arguments []string) error {
			credits, err := strconv.ParseInt(arguments[1], 10, 64)
			if err != nil {
				return t.Usage(fmt.Errorf("%q is no number of credits", arguments[1]))
			}
			changed, err := keys.Change(cmd.Context(), arguments[0], account.Changes{AddCredits: credits})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(t.Stdout, changed.Credits)
			return err
		}),
	}
}

func (t *tool) rotateKey() *cobra.Command {
	var overlap time.Duration
	cmd := &cobra.Command{
		Use: "rotate ID", Short: "Give a key a new secret and print it, this once; the old one ends",
		Example: "  upscaled keys rotate 1f0a5c7de2b94c0811 --overlap 24h",
		RunE: t.withKeys(func(cmd *cobra.Command, keys *account.Accounts, ids []string) error {
			key, a, err := keys.Rotate(cmd.Context(), ids[0], overlap)
			return t.printKey(key, a, err)
		}),
	}
	cmd.Flags().DurationVar(&overlap, "overlap", 0, "how long the old secret still works (default 0: it ends at once)")
	return cmd
}

func (t *tool) deleteKey() *cobra.Command {
	return &cobra.Command{
		Use: "delete ID", Short: "End a key for good; its unfinished jobs go on",
		RunE: t.withKeys(func(cmd *cobra.Command, keys *account.Accounts, ids []string) error {
			a, err := keys.Delete(cmd.Context(), ids[0])
			if err == nil {
				fmt.Fprintf(t.Stderr, "Key %s (%q) is deleted.\n", a.ID, a.Name)
			}
			return err
		}),
	}
}

func (t *tool) usage() *cobra.Command {
	return &cobra.Command{
		Use: "usage [ID]", Short: "Show jobs and credits by day, of one key or all",
		RunE: t.withKeys(func(cmd *cobra.Command, keys *account.Accounts, ids []string) error {
			all, err := keys.List(cmd.Context())
			if err != nil {
				return err
			}
			if len(ids) > 0 {
				all = slices.DeleteFunc(all, func(a account.Account) bool { return a.ID != ids[0] })
				if len(all) == 0 {
					return fault.New(fault.NotFound, "There is no such key; `upscaled keys list` shows all.")
				}
			}
			return writeUsage(t.Stdout, all)
		}),
	}
}

func (t *tool) switchKey(name, short string, disabled bool) *cobra.Command {
	return &cobra.Command{
		Use: name + " ID", Short: short,
		RunE: t.withKeys(func(cmd *cobra.Command, keys *account.Accounts, ids []string) error {
			changed, err := keys.Change(cmd.Context(), ids[0], account.Changes{Disabled: &disabled})
			if err == nil {
				fmt.Fprintf(t.Stderr, "Key %s (%q) is %sd.\n", changed.ID, changed.Name, name)
			}
			return err
		}),
	}
}
