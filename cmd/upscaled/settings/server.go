package settings

import (
	"upscaled/server"
	"upscaled/server/admin"
	"upscaled/server/dialect"
)

// Watch is how a server or worker is watched; the zero value is not at all.
type Watch struct {
	// Metrics and Profiles are the addresses of further ports.
	Metrics, Profiles string
	// Traces is the URL of a collector, TraceRatio the share that is kept.
	Traces     string
	TraceRatio float64
}

// Settings declares them.
func (w *Watch) Settings() []Setting {
	return []Setting{
		{Key: "metrics-listen", Into: &w.Metrics, Flag: true, Help: "address and port for Prometheus (/metrics) and for /healthz and /readyz, such as 127.0.0.1:9464 (default: none)"},
		{Key: "pprof.listen", Into: &w.Profiles, Help: "address and port on this machine for Go's profiles (/debug/pprof/), such as 127.0.0.1:6060"},
		{Key: "traces.url", Into: &w.Traces, Was: "traces", Help: "URL of an OpenTelemetry collector (OTLP over HTTP), such as http://127.0.0.1:4318; if empty, OTEL_EXPORTER_OTLP_ENDPOINT"},
		{Key: "traces.ratio", Into: &w.TraceRatio, Default: "1", Most: 1, Was: "trace-ratio", Help: "share of the traces that is kept, 0 to 1, if the client's traceparent does not say"},
	}
}

// Problems reports addresses that must not be listened on.
func (w *Watch) Problems() []string {
	if w.Profiles != "" && !admin.IsLoopback(w.Profiles) {
		return []string{"pprof.listen " + w.Profiles + " is reached from elsewhere, and profiles show what is in memory: use 127.0.0.1"}
	}
	return nil
}

// Server declares the settings that only a server has.
func Server(c *server.Config, noWorker *bool) []Setting {
	c.APIs = server.DefaultAPIs()
	return append([]Setting{
		{Key: "listen", Into: &c.Listen, Default: "127.0.0.1:8080", Flag: true, Help: "address and port to listen on; port 0 takes a free one"},
		{Key: "public-url", Into: &c.PublicURL, Flag: true, Help: "URL that clients reach the server at, for links to results (default: each request's own host)"},
		{Key: "trusted-proxies", Into: &c.TrustedProxies, Flag: true, Help: "IP addresses or CIDR ranges of reverse proxies whose X-Forwarded headers are trusted"},
		{Key: "insecure-open", Into: &c.InsecureOpen, Flag: true, Help: "allow listening beyond this machine with no keys configured"},
		{Key: "tls-certificate", Into: &c.TLS.Certificate, Flag: true, Help: "certificate file (PEM) to serve https with"},
		{Key: "tls-key", Into: &c.TLS.Key, Flag: true, Help: "key file (PEM) of --tls-certificate"},
		{Key: "acme-hosts", Into: &c.TLS.Hosts, Flag: true, Help: "host names to obtain certificates for by ACME, accepting the authority's terms; needs port 443"},
		{Key: "no-worker", Into: noWorker, Flag: true, Help: "answer requests only and leave the jobs to 'upscaled worker' processes"},
		{Key: "acme.directory", Into: &c.TLS.Directory, Help: "URL of the ACME authority; if empty, Let's Encrypt's"},
		{Key: "web.no-page", Into: &c.NoPage, Was: "no-page", Help: "leave out the web page at /"},
		{Key: "cors.origins", Into: &c.CORSOrigins, Help: "origins whose web pages may call the APIs, such as https://app.example.com, or *"},
		{Key: "fetch.http", Into: &c.FetchHTTP, Help: "download input images from http URLs too, not only https"},
		{Key: "fetch.ranges", Into: &c.FetchRanges, Help: "private networks (CIDR) that input URLs may lead to"},
		{Key: "fetch.hosts", Into: &c.FetchHosts, Help: "the only hosts that input URLs may name; if empty, any public one"},
		{Key: "limits.max-output-pixels", Into: &c.MaxOutputPixels, Default: "400M", Was: "max-output-pixels", Help: "pixels of a result at most, all frames together; 0 is no bound"},
		{Key: "limits.wait", Into: &c.WaitLimit, Default: "5m", Least: 1e-3, Was: "wait-limit", Help: "how long a synchronous call waits for its image"},
		{Key: "limits.stall", Into: &c.StallLimit, Default: "30s", Was: "stall-limit", Help: "how long a client may neither send nor take anything of a request before it is cut; 0 is no bound, nor is limits.min-rate then"},
		{Key: "limits.min-rate", Into: &c.MinRate, Default: "4KiB", Was: "min-rate", Help: "bytes a second that a client must send or take in the long run; 0 is no bound"},
		{Key: "limits.max-connections", Into: &c.MaxConnections, Default: "4096", Was: "max-connections", Help: "connections of clients at most; beyond it the longest idle one is closed; 0 is no bound"},
		{Key: "limits.upload-memory", Into: &c.UploadMemory, Default: "1GiB", Was: "upload-memory", Help: "bytes of requests held at once until their images are stored; more are answered 503; 0 is no bound"},
	}, apis(&c.APIs)...)
}

// apis declares the limits and prices of each API in a section of its own, with
// the vendor's as defaults.
func apis(a *server.APIs) (all []Setting) {
	const upload = "bytes of an uploaded file at most"
	for _, api := range []struct {
		name            string
		config          *dialect.Config
		priceOf, sizeOf string
		more            []Setting
	}{
		{"mnml", &a.Mnml.Config, "image", upload, []Setting{
			{Key: "min-bytes", Into: &a.Mnml.MinBytes, Help: "bytes of an uploaded file at least"},
			{Key: "max-width", Into: &a.Mnml.MaxInputWidth, Help: "pixels that wider inputs are first reduced to; 0 reduces none"},
		}},
		{"ailab", &a.AILab.Config, "image", upload, []Setting{
			{Key: "min-side", Into: &a.AILab.MinSide, Help: "pixels that both sides of an input must exceed"},
			{Key: "max-width", Into: &a.AILab.MaxWidth, Help: "pixels of an input's longer side at most"},
			{Key: "max-height", Into: &a.AILab.MaxHeight, Help: "pixels of an input's shorter side at most"},
			{Key: "base-model", Into: &a.AILab.BaseModel, Help: "model for mode=base"},
			{Key: "enhancement-model", Into: &a.AILab.EnhancementModel, Help: "model for mode=enhancement"},
		}},
		{"maskr", &a.Maskr.Config, "image", upload, []Setting{
			{Key: "max-batch", Into: &a.Maskr.MaxBatch, Help: "files in one batch at most"},
			{Key: "max-batch-bytes", Into: &a.Maskr.MaxBatchBytes, Help: "bytes of a whole batch at most"},
		}},
		{"artnex", &a.Artnex.Config, "image", "bytes of an input file at most", []Setting{
			{Key: "per-day", Into: &a.ArtnexPerDay, Help: "requests in rolling 24 h for keys without a quota of their own; 0 is no bound"},
		}},
		{"aetherforge", &a.Aetherforge.Config, "image", upload, nil},
		{"replicate", &a.Replicate.Config, "image", "bytes of an input file at most", []Setting{
			{Key: "data-uri-below", Into: &a.Replicate.DataURIBelow, Help: "bytes below which results are answered as data URIs to data-uri-clients over plain http; 0 always answers URLs"},
			{Key: "data-uri-clients", Into: &a.Replicate.DataURIClients, Help: "beginnings of the User-Agent headers of clients that make files only of https and data URLs"},
			{Key: "models", Into: &a.Replicate.Models, Help: "names (owner/name) that are answered for; unknown ones have the inputs of nightmareai/real-esrgan"},
			{Key: "versions", Into: &a.Replicate.Versions, Help: "IDs of further versions that mean the first of the models"},
		}},
		{"cog", &a.Cog.Config, "image", "bytes of an input file at most", nil},
		{"automatic1111", &a.Automatic.Config, "run of a model", "bytes of an input file at most", []Setting{
			{Key: "max-images", Into: &a.Automatic.MaxImages, Least: 1, Help: "images in one batch at most"},
			{Key: "max-body-bytes", Into: &a.Automatic.MaxBodyBytes, Help: "bytes of the JSON of a batch at most"},
			{Key: "max-output-pixels", Into: &a.Automatic.MaxOutputPixels, Least: 1, Help: "pixels of a result at most"},
			{Key: "urls", Into: &a.AutomaticURLs, Help: "let images be given as URLs"},
			{Key: "codeformer", Into: &a.Automatic.CodeFormer, Help: "imported face restorer for codeformer_visibility; if empty, the one for gfpgan_visibility; off refuses such requests"},
			{Key: "substitutes", Into: &a.Automatic.Substitutes, Help: "names of upscalers that a model stands in for, as NAME=MODEL, or NAME for this server's default model"},
			{Key: "codeformer-weight", Into: &a.Automatic.CodeFormerWeight, Help: "codeformer_weight that its model was made with"},
		}},
		{"stability", &a.Stability.Config, "image", upload, []Setting{
			{Key: "min-side", Into: &a.Stability.MinSide, Help: "pixels of an input's sides at least"},
			{Key: "max-output-pixels", Into: &a.Stability.MaxOutputPixels, Least: 1, Help: "pixels of a result of v1 at most"},
		}},
		{"openai", &a.OpenAI.Config, "image", "bytes of an input file at most", nil},
		{"comfyui", &a.ComfyUI.Config, "image that a prompt makes", upload, nil},
		{"native", &a.Native.Config, "image", "bytes of an input file at most", []Setting{
			{Key: "max-request-bytes", Into: &a.Native.MaxRequestBytes, Help: "bytes of a form with several files at most"},
			{Key: "max-files", Into: &a.Native.MaxFiles, Least: 1, Help: "files in one request at most"},
			{Key: "preview-price", Into: &a.Native.PreviewPrice, Count: true, Help: "credits for a preview of an image of at most 256 pixels a side"},
			{Key: "film-bytes", Into: &a.Native.FilmBytes, Help: "bytes of a film at most; 0 takes no films"},
			{Key: "film-frames", Into: &a.Native.FilmFrames, Least: 1, Count: true, Help: "frames of a film at most"},
			{Key: "film-price", Into: &a.Native.FilmPrice, Count: true, Help: "credits for a megapixel of a film, all frames together"},
		}},
	} {
		own := []Setting{
			{Key: "price", Into: &api.config.Price, Count: true, Help: "credits for one " + api.priceOf},
			{Key: "max-bytes", Into: &api.config.MaxBytes, Least: 1, Help: api.sizeOf},
		}
		if api.name != "ailab" { // it has bounds of its own
			own = append(own,
				Setting{Key: "max-pixels", Into: &api.config.MaxPixels, Help: "pixels of an input image at most; 0 is limits.max-pixels alone"},
				Setting{Key: "max-side", Into: &api.config.MaxSide, Help: "pixels of an input's longer side at most; 0 is limits.max-side alone"})
		}
		if _, unnamed := a.Models()[api.name]; unnamed {
			own = append(own, Setting{Key: "model", Into: &api.config.Model, Help: "model for requests, which cannot name one; if empty, the server's default"})
		}
		for _, d := range append(own, api.more...) {
			d.Was = api.name + "-" + d.Key
			d.Key = "apis." + api.name + "." + d.Key
			all = append(all, d)
		}
	}
	return all
}
