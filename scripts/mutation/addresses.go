package main

const (
	fetchPackage   = "./server/fetch"
	webhookPackage = "./server/webhook"
)

// addresses is what keeps URLs of strangers out of the inside.
func addresses() []protection {
	dialled := edit{"server/fetch/guard.go", `ControlContext: o.checkDial,`, ``}
	named := edit{"server/webhook/check.go", `if err == nil && !rules.Allows(address) {`, `if err == nil && rules.MaxBytes < 0 && !rules.Allows(address) {`}
	const inputs = "input URLs to inside addresses, by name, number, redirect or a name that changes"
	const receivers = "slow, failing or hostile receivers of webhooks"
	return []protection{
		{row: inputs, without: []edit{dialled}, tests: in(fetchPackage, "TestForbiddenAddresses", "TestRebindingNameIsRefused")},
		{
			row: inputs,
			without: []edit{
				{"server/fetch/address.go", `"169.254.0.0/16",`, ``},
				{"server/fetch/address.go", `"64:ff9b::/96",`, ``},
			},
			tests: in(fetchPackage, "TestForbiddenAddresses"),
		},
		{
			row:     inputs,
			without: out("server/fetch/fetch.go", "return f.checkURL(request.URL)\n", "return nil\n"),
			tests:   in(fetchPackage, "TestRedirectsObeyTheRules"),
		},
		{
			row:     inputs,
			without: out("server/fetch/fetch.go", `if u.User != nil {`, `if false {`),
			tests:   in(fetchPackage, "TestURLForms"),
		},
		{
			// The other side of the rules: what is public stays so.
			row:     inputs,
			without: out("server/fetch/address.go", `address = address.Unmap()`, ``),
			tests:   in(fetchPackage, "TestPublicAddresses"),
		},
		{
			row:     "endless or huge answers of an input URL",
			without: out("server/fetch/fetch.go", `io.ReadAll(io.LimitReader(response.Body, f.options.MaxBytes+1))`, `io.ReadAll(response.Body)`),
			tests:   in(fetchPackage, "TestBodiesAreBounded"),
		},
		{row: "webhooks to inside addresses", without: []edit{named}, tests: in(webhookPackage, "TestCheck", "FuzzCheck")},
		{row: "webhooks to inside addresses", without: []edit{dialled, named}, tests: in(webhookPackage, "TestForbiddenAddresses")},
		{
			row: receivers,
			without: []edit{
				{"server/webhook/call.go", `context.WithTimeout(ctx, s.options.Timeout)`, `context.WithTimeout(ctx, time.Hour)`},
				{"server/webhook/call.go", `"strconv"`, "\"strconv\"\n\t\"time\""},
				{"server/webhook/webhook.go", `o.Rules.Transport(o.Timeout)`, `o.Rules.Transport(time.Hour)`},
			},
			tests: waiting(webhookPackage, "TestSlowReceivers"),
		},
		{
			row:     receivers,
			without: out("server/webhook/webhook.go", `for range s.options.AtOnce {`, `for range 1 {`),
			tests:   waiting(webhookPackage, "TestReceiversDoNotWaitForEachOther"),
		},
		{
			row:     receivers,
			without: out("server/webhook/serve.go", `notice.Attempt() > len(again):`, `notice.Attempt() > 0:`),
			tests:   in(webhookPackage, "TestAnswers", "FuzzAnswer"),
		},
		{
			row:     receivers,
			without: out("server/webhook/call.go", `if response.StatusCode != http.StatusSwitchingProtocols {`, `{`),
			tests:   waiting(webhookPackage, "TestSwitchedProtocols"),
		},
	}
}
