package trace

import (
	"net/url"
	"strings"

	"upscaled/models/fault"
)

// tracesPath is the standard path of OTLP collectors.
const tracesPath = "/v1/traces"

// Endpoint returns the URL to post spans to: the flag's, else the value of the
// standard variables OTEL_EXPORTER_OTLP_TRACES_ENDPOINT and
// OTEL_EXPORTER_OTLP_ENDPOINT; "" if none is set or OTEL_SDK_DISABLED is true. A
// flag without a path gets the standard one.
func Endpoint(flag string, lookupEnv func(string) (string, bool)) (string, error) {
	value := func(name string) string { text, _ := lookupEnv(name); return strings.TrimSpace(text) }
	if flag != "" {
		return withPath(flag, "traces.url", false)
	}
	if strings.EqualFold(value("OTEL_SDK_DISABLED"), "true") {
		return "", nil
	}
	whole, base := value("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), value("OTEL_EXPORTER_OTLP_ENDPOINT")
	if whole == "" && base == "" {
		return "", nil
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if value(name) == "grpc" {
			return "", fault.New(fault.Invalid, "%s is grpc, but this program sends traces over HTTP: set it to http/protobuf and the endpoint to the collector's HTTP port (4318).", name)
		}
	}
	if whole != "" {
		if _, err := withPath(whole, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", false); err != nil {
			return "", err
		}
		return whole, nil // used unchanged, as the specification demands
	}
	return withPath(base, "OTEL_EXPORTER_OTLP_ENDPOINT", true)
}

// withPath checks a URL and adds the standard path: always, or if it has none.
func withPath(text, from string, always bool) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		// The message omits the URL: it may contain a password.
		return "", fault.New(fault.Invalid, "%s is not an http or https URL, such as http://127.0.0.1:4318.", from)
	}
	if path := strings.TrimSuffix(u.Path, "/"); always || path == "" {
		u.Path = path + tracesPath
	}
	return u.String(), nil
}
