package dialect

import (
	"encoding/json"
	"slices"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// ParseWebhook parses the fields webhook and webhook_events_filter, as Replicate
// and Cog have them; webhook_completed is an older alias. started is whether the
// start is reported if there is no filter; outputs and logs are part of the end.
// It returns nil if there is no webhook, and FieldErrors for invalid ones. check
// validates URLs; nil rejects all.
func ParseWebhook(fields map[string]json.RawMessage, started bool, check func(url string) error) (*job.Webhook, error) {
	field := "webhook"
	if Absent(fields[field]) {
		field = "webhook_completed"
	}
	started, err := parseEvents(fields["webhook_events_filter"], started)
	if err != nil || Absent(fields[field]) {
		return nil, err
	}
	var url string
	if json.Unmarshal(fields[field], &url) != nil {
		return nil, WrongType(field, "string", fields[field])
	}
	if check == nil {
		return nil, FieldErrors{{"webhook", field, "Webhooks are not available on this server"}}
	}
	err = check(url)
	switch fault.KindOf(err) {
	case "":
		return &job.Webhook{URL: url, Started: started}, nil
	case fault.Invalid, fault.FetchFailed, fault.Unsupported:
		return nil, FieldErrors{{"webhook", field, fault.Sentence(err)}}
	}
	return nil, err
}

// parseEvents reports whether the filter includes start.
func parseEvents(value json.RawMessage, otherwise bool) (started bool, err error) {
	if Absent(value) {
		return otherwise, nil
	}
	const field = "webhook_events_filter"
	var names []string
	if json.Unmarshal(value, &names) != nil {
		return false, WrongType(field, "array of strings", value)
	}
	for _, name := range names {
		if !slices.Contains([]string{"start", "output", "logs", "completed"}, name) {
			return false, FieldErrors{{"enum", field, `events must be of the following: "start", "output", "logs", "completed"`}}
		}
	}
	return slices.Contains(names, "start"), nil
}
