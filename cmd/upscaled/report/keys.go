package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"upscaled/server/account"
)

// key is the JSON form of an API key.
type key struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Credits    *int64    `json:"credits"` // null: unlimited
	Disabled   bool      `json:"disabled"`
	PerDay     int       `json:"per_day"`
	PerSecond  float64   `json:"per_second"`
	Concurrent int       `json:"concurrent"`
	Unfinished int       `json:"unfinished"`
	Created    time.Time `json:"created"`
}

func newKey(a account.Account) key {
	v := key{
		ID: a.ID, Name: a.Name, Disabled: a.Disabled, PerDay: a.Limits.PerDay, PerSecond: a.Limits.PerSecond,
		Concurrent: a.Limits.Concurrent, Unfinished: len(a.Holds), Created: a.Created,
	}
	if !a.Unlimited {
		v.Credits = &a.Credits
	}
	return v
}

// WriteKeys writes accounts as a table or as a JSON array.
func WriteKeys(w io.Writer, accounts []account.Account, asJSON bool) error {
	keys := make([]key, 0, len(accounts))
	for _, a := range accounts {
		keys = append(keys, newKey(a))
	}
	if asJSON {
		return json.NewEncoder(w).Encode(keys)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tNAME\tCREDITS\tSTATE\tPER DAY\tPER SECOND\tCONCURRENT\tCREATED")
	bound := func(n float64) string {
		if n == 0 {
			return "-"
		}
		return strconv.FormatFloat(n, 'g', -1, 64)
	}
	for _, v := range keys {
		credits, state := "unlimited", "enabled"
		if v.Credits != nil {
			credits = strconv.FormatInt(*v.Credits, 10)
		}
		if v.Disabled {
			state = "disabled"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", v.ID, v.Name, credits, state, bound(float64(v.PerDay)),
			bound(v.PerSecond), bound(float64(v.Concurrent)), v.Created.Format("2006-01-02"))
	}
	return table.Flush()
}
