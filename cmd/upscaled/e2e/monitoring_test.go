//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// metricLabels are the program's own, with their labels; _bucket, _sum and _count of
// histograms belong to the name before them.
func metricLabels() map[string][]string {
	return map[string][]string{
		"upscaled_jobs_queued":               {},
		"upscaled_jobs_running":              {},
		"upscaled_job_wait_seconds":          {"api", "model", "le"},
		"upscaled_job_run_seconds":           {"api", "model", "outcome", "le"},
		"upscaled_jobs_total":                {"api", "model", "outcome"},
		"upscaled_input_pixels_total":        {"api", "model"},
		"upscaled_output_pixels_total":       {"api", "model"},
		"upscaled_http_requests_total":       {"api", "method", "status"},
		"upscaled_http_request_seconds":      {"api", "le"},
		"upscaled_device_busy_seconds_total": {"device"},
		"upscaled_device_lost":               {"device"},
		"upscaled_device_memory_bytes":       {"device"},
		"upscaled_device_memory_free_bytes":  {"device"},
		"upscaled_credits_charged_total":     {"api"},
		"upscaled_webhooks_total":            {"outcome"},
		"upscaled_build_info":                {"version"},
		"upscaled_engine_restarts_total":     {},
		"upscaled_key_jobs_total":            {"key", "outcome"},
		"upscaled_key_engine_seconds_total":  {"key"},

		"upscaled_workers":                      {"state"},
		"upscaled_worker_jobs_running":          {"worker"},
		"upscaled_worker_jobs_total":            {"worker", "outcome"},
		"upscaled_worker_heartbeat_age_seconds": {"worker"},
	}
}

// dashboard is the part of Grafana's JSON that the tests read.
type dashboard struct {
	Title, UID string
	Templating struct {
		List []struct{ Name, Definition string }
	}
	Panels []dashboardPanel
}

type dashboardPanel struct {
	ID          int
	Type, Title string
	Description string
	Grid        struct{ X, Y, W, H int } `json:"gridPos"`
	Datasource  struct{ UID string }
	Targets     []struct {
		Expr, LegendFormat, RefID string
		Datasource                struct{ UID string }
	}
	Field struct{ Defaults struct{ Unit string } } `json:"fieldConfig"`
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal([]byte(deployFile(t, "grafana.json")), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// alertRules are the rules that warn, of prometheus-rules.yaml.
type alertRules struct {
	Groups []struct {
		Rules []struct{ Alert, Expr string }
	}
}

// expressions are all that Prometheus is asked for, by the place that asks.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, p := range readDashboard(t).Panels {
		for _, target := range p.Targets {
			all[p.Title+" "+target.RefID] = target.Expr
		}
	}
	var rules alertRules
	if err := yaml.Unmarshal([]byte(deployFile(t, "prometheus-rules.yaml")), &rules); err != nil {
		t.Fatal(err)
	}
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			all[rule.Alert] = rule.Expr
		}
	}
	if len(all) < 25 {
		t.Fatalf("only %d expressions were found", len(all))
	}
	return all
}

var (
	metricName  = regexp.MustCompile(`\b(upscaled_[a-z_]+)(\{[^}]*\})?`)
	labelName   = regexp.MustCompile(`([a-z_]+) *(?:=~|!=|!~|=)`)
	groupLabels = regexp.MustCompile(`\bby \(([a-z_, ]+)\)`)
	suffix      = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// known returns a metric's labels and those that Prometheus adds.
func known(name string) ([]string, bool) {
	if labels, ok := metricLabels()[name]; ok {
		return append(labels, "instance", "job"), true
	}
	labels, ok := metricLabels()[suffix.ReplaceAllString(name, "")]
	return append(labels, "instance", "job"), ok
}

// Dashboard and rules ask for metrics and labels there are, and the dashboard
// leaves no metric unseen.
func TestMonitoringNames(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for place, expression := range expressions(t) {
		var all []string
		for _, match := range metricName.FindAllStringSubmatch(expression, -1) {
			labels, ok := known(match[1])
			if !ok {
				t.Errorf("%s: there is no metric %s", place, match[1])
			}
			seen[suffix.ReplaceAllString(match[1], "")] = true
			for _, used := range labelName.FindAllStringSubmatch(match[2], -1) {
				if !slices.Contains(labels, used[1]) {
					t.Errorf("%s: %s has no label %s", place, match[1], used[1])
				}
			}
			all = append(all, labels...)
		}
		for _, group := range groupLabels.FindAllStringSubmatch(expression, -1) {
			for used := range strings.SplitSeq(group[1], ",") {
				if !slices.Contains(all, strings.TrimSpace(used)) {
					t.Errorf("%s: nothing there has a label %s", place, used)
				}
			}
		}
	}
	for name := range metricLabels() {
		if !seen[name] {
			t.Errorf("nothing shows %s", name)
		}
	}
}

// Panels have a title, a description and a unit, from the chosen data source, and do
// not cover each other.
func TestDashboardPanels(t *testing.T) {
	t.Parallel()
	d := readDashboard(t)
	if d.Title == "" || d.UID == "" || len(d.Templating.List) != 3 {
		t.Errorf("%q %q %+v", d.Title, d.UID, d.Templating)
	}
	ids, cells := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" {
			t.Errorf("panel %d %q is there twice or has no title", p.ID, p.Title)
		}
		ids[p.ID] = true
		for x := p.Grid.X; x < p.Grid.X+p.Grid.W; x++ {
			for y := p.Grid.Y; y < p.Grid.Y+p.Grid.H; y++ {
				if other, taken := cells[[2]int{x, y}]; taken || x >= 24 { // columns of a dashboard
					t.Fatalf("%q covers %q or leaves the page", p.Title, other)
				}
				cells[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.Description == "" || p.Field.Defaults.Unit == "" || len(p.Targets) == 0 {
			t.Errorf("%q has no description, unit or query", p.Title)
		}
		for _, target := range p.Targets {
			if target.LegendFormat == "" || target.Datasource.UID != "${datasource}" {
				t.Errorf("%q %s has no legend or another data source", p.Title, target.RefID)
			}
		}
	}
}

// Prometheus itself takes the configuration, the rules and every query.
func TestMonitoringByPromtool(t *testing.T) {
	t.Parallel()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("needs Debian's package prometheus")
	}
	variables := strings.NewReplacer("$__rate_interval", "5m", "$instance", ".*", "$api", ".*")
	var asked strings.Builder
	asked.WriteString("groups:\n- name: dashboard\n  rules:\n")
	for place, expression := range expressions(t) {
		fmt.Fprintf(&asked, "  - alert: %q\n    expr: %q\n", place, variables.Replace(expression))
	}
	queries := filepath.Join(t.TempDir(), "queries.yaml")
	if err := os.WriteFile(queries, []byte(asked.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, arguments := range [][]string{
		{"check", "config", filepath.Join(deployFolder, "prometheus.yaml")}, {"check", "rules", queries},
	} {
		if said, err := exec.CommandContext(t.Context(), promtool, arguments...).CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", arguments, err, said)
		}
	}
}
