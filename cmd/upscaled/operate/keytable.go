package operate

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"upscaled/server/account"
	"upscaled/server/dialect/native"
)

// writeKeys writes accounts as a table or as a JSON array.
func writeKeys(w io.Writer, accounts []account.Account, asJSON bool) error {
	keys := make([]native.KeyView, 0, len(accounts))
	for _, a := range accounts {
		keys = append(keys, native.NewKeyView(a, ""))
	}
	if asJSON {
		return json.NewEncoder(w).Encode(keys)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tNAME\tCREDITS\tSTATE\tPER DAY\tPER SECOND\tCONCURRENT\tCREATED\tEXPIRES")
	for _, v := range keys {
		credits, state, expires := "unlimited", "enabled", "-"
		if v.Credits != nil {
			credits = strconv.FormatInt(*v.Credits, 10)
		}
		if v.Operator {
			state = "operator"
		}
		if v.Disabled {
			state = "disabled"
		}
		if v.Expires != nil {
			expires = day(*v.Expires)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", v.ID, v.Name, credits, state, bound(float64(v.PerDay)),
			bound(v.PerSecond), bound(float64(v.Concurrent)), day(v.Created), expires)
	}
	return table.Flush()
}

// writeUsage writes the usage of keys by day.
func writeUsage(w io.Writer, accounts []account.Account) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "DAY\tID\tNAME\tJOBS\tSUCCEEDED\tCREDITS")
	for _, a := range accounts {
		for _, u := range a.Usage {
			fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%d\n", u.Day, a.ID, a.Name, u.Jobs, u.Succeeded, u.Credits)
		}
	}
	return table.Flush()
}
