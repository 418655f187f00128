package replicate

import (
	"encoding/json"
	"slices"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// events returns the vendor's names of webhook events.
func events() []string { return []string{"start", "output", "logs", "completed"} }

// parseWebhook returns nil if there is no webhook. The older field
// webhook_completed is an alias.
func (a *API) parseWebhook(given fields) (*job.Webhook, error) {
	field := "webhook"
	if dialect.Absent(given[field]) {
		field = "webhook_completed"
	}
	started, err := parseEvents(given["webhook_events_filter"])
	if err != nil || dialect.Absent(given[field]) {
		return nil, err
	}
	var url string
	if json.Unmarshal(given[field], &url) != nil {
		return nil, violations{wrongType(field, "string", given[field])}
	}
	if a.stores.CheckWebhook == nil {
		return nil, violations{{"webhook", field, "Webhooks are not available on this server"}}
	}
	err = a.stores.CheckWebhook(url)
	switch fault.KindOf(err) {
	case "":
		return &job.Webhook{URL: url, Started: started}, nil
	case fault.Invalid, fault.FetchFailed, fault.Unsupported:
		return nil, violations{{"webhook", field, fault.Sentence(err)}}
	}
	return nil, err
}

// parseEvents reports whether the filter includes start. Without a filter the
// vendor sends outputs and the end, which are one event here.
func parseEvents(value json.RawMessage) (started bool, err error) {
	if dialect.Absent(value) {
		return false, nil
	}
	const field = "webhook_events_filter"
	var names []string
	if json.Unmarshal(value, &names) != nil {
		return false, violations{{"invalid_type", field, "Invalid type. Expected: array of strings, given: " + kindOf(value)}}
	}
	for _, name := range names {
		if !slices.Contains(events(), name) {
			return false, violations{{"enum", field, `events must be of the following: "start", "output", "logs", "completed"`}}
		}
	}
	return slices.Contains(names, "start"), nil
}
