package main

import (
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"upscaled/server"
	"upscaled/server/worker/child"
)

// queueSettings say where jobs and keys are kept.
type queueSettings struct {
	data        string
	nats        string
	credentials string
}

func (q *queueSettings) declare(flags *pflag.FlagSet) {
	flags.StringVar(&q.data, "data", "", "folder for jobs, pictures and keys (default: upscaled in the user's data folder)")
	flags.StringVar(&q.nats, "nats", "", "URLs of an external NATS JetStream, separated by commas, in place of the embedded one in --data")
	flags.StringVar(&q.credentials, "nats-credentials", "", "credentials file for --nats")
	fromEnvironment(flags, "data", "nats", "nats-credentials")
}

// folder is --data or its default, as the XDG base directory specification
// has it.
func (q *queueSettings) folder(lookupEnv func(string) (string, bool)) string {
	if q.data != "" {
		return q.data
	}
	if base, _ := lookupEnv("XDG_DATA_HOME"); filepath.IsAbs(base) {
		return filepath.Join(base, "upscaled")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "upscaled-data"
	}
	return filepath.Join(home, ".local", "share", "upscaled")
}

// workSettings say how jobs are run.
type workSettings struct {
	small, large   int
	largePixels    int64
	lease, grace   time.Duration
	attempts       int
	maxUnfinished  int
	perKey         int
	retention      time.Duration
	logLevel       string
	logText        bool
	pixels         int64
	side           int
	warmUpDisabled bool
	faces          faceSettings
	// memory is the bytes that decoding one picture may take; 0 is no bound.
	memory int64
	// engineMemory bounds the process that runs networks, in bytes; 0 is no bound.
	engineMemory int64
	// isolate runs networks in a process of its own, with engineArguments.
	isolate         bool
	engineArguments []string
}

func (w *workSettings) declare(flags *pflag.FlagSet) {
	flags.IntVar(&w.small, "jobs", 4, "small pictures in work at once; they share the device tile by tile")
	flags.IntVar(&w.large, "large-jobs", 2, "large pictures in work at once, beside the small ones")
	flags.Int64Var(&w.largePixels, "large-pixels", 2_000_000, "input pixels above which a picture waits in the line of large ones")
	flags.DurationVar(&w.lease, "lease", 30*time.Second, "how long a silent worker keeps a job before another takes it")
	flags.IntVar(&w.attempts, "attempts", 3, "how often a job is begun before it fails for good")
	flags.DurationVar(&w.grace, "grace", 30*time.Second, "how long running work may finish after SIGTERM before it is handed back")
	flags.IntVar(&w.maxUnfinished, "max-queue", 1000, "jobs waiting or running at most; more are answered 503")
	flags.DurationVar(&w.retention, "retention", 24*time.Hour, "how long pictures and finished jobs are kept; set when the store is made")
	flags.BoolVar(&w.isolate, "isolate", true, "run networks in a process of their own: if it crashes, it is started again and only the picture it crashed on fails")
	w.declareEngine(flags)
	flags.StringVar(&w.logLevel, "log-level", "info", "least important messages to log: debug, info, warn or error")
	flags.BoolVar(&w.logText, "log-text", false, "log lines for people in place of JSON; always on a terminal")
	w.faces.declare(flags)
	fromEnvironment(flags, "jobs", "large-jobs", "large-pixels", "lease", "attempts", "grace", "max-queue", "retention",
		"isolate", "log-level", "log-text")
}

// declareEngine declares what the engine's process has to know.
func (w *workSettings) declareEngine(flags *pflag.FlagSet) {
	flags.Int64Var(&w.pixels, "max-pixels", 100_000_000, "pixels of an input picture at most, all frames together")
	flags.IntVar(&w.side, "max-side", 30_000, "pixels of an input picture's longer side at most")
	flags.Int64Var(&w.memory, "decode-memory", 1<<30, "bytes of memory that decoding one input picture may take, as its header tells; 0 is no bound")
	flags.Int64Var(&w.engineMemory, "engine-memory", 0, "bytes of memory of the engine's own process at most; a picture that needs more fails (default 0: no bound; Linux only)")
	flags.BoolVar(&w.warmUpDisabled, "no-warm-up", false, "do not load the network before the first job")
	fromEnvironment(flags, "max-pixels", "max-side", "decode-memory", "engine-memory", "no-warm-up")
}

func (w *workSettings) problems() []string {
	var all []string
	wrong := func(bad bool, text string) {
		if bad {
			all = append(all, text)
		}
	}
	wrong(w.small < 1, "--jobs must be at least 1")
	wrong(w.large < 1, "--large-jobs must be at least 1")
	wrong(w.largePixels < 0, "--large-pixels must not be below 0")
	wrong(w.lease < time.Second, "--lease must be at least 1s")
	wrong(w.attempts < 1, "--attempts must be at least 1")
	wrong(w.grace <= 0, "--grace must be longer than 0")
	wrong(w.maxUnfinished < 1, "--max-queue must be at least 1")
	wrong(w.retention < time.Minute, "--retention must be at least 1m")
	wrong(w.pixels < 1, "--max-pixels must be at least 1")
	wrong(w.side < 1, "--max-side must be at least 1")
	wrong(w.memory < 0, "--decode-memory must not be below 0")
	wrong(w.engineMemory < 0, "--engine-memory must not be below 0")
	wrong(w.engineMemory > 0 && !w.isolate, "--engine-memory bounds the process that --isolate=false leaves out")
	wrong(w.engineMemory > 0 && !child.MemoryIsKnown, "--engine-memory is kept on Linux only")
	all = append(all, w.faces.problems()...)
	if _, err := parseLevel(w.logLevel); err != nil {
		all = append(all, "--log-level is "+w.logLevel+"; use debug, info, warn or error")
	}
	return all
}

// declareServer declares what only serve has.
func declareServer(flags *pflag.FlagSet, c *server.Config, perKey *int, noWorker *bool) {
	flags.StringVar(&c.Listen, "listen", "127.0.0.1:8080", "address and port to listen on; port 0 takes a free one")
	flags.StringVar(&c.PublicURL, "public-url", "", "URL that clients reach the server at, for links to results (default: each request's own host)")
	flags.StringSliceVar(&c.TrustedProxies, "trusted-proxies", nil, "addresses or networks of reverse proxies whose X-Forwarded headers are believed")
	flags.BoolVar(&c.InsecureOpen, "insecure-open", false, "allow listening beyond this machine with no keys configured")
	flags.DurationVar(&c.WaitLimit, "wait-limit", 5*time.Minute, "how long a synchronous call waits for its picture")
	flags.Int64Var(&c.MaxOutputPixels, "max-output-pixels", 400_000_000, "pixels of a result at most, all frames together; 0 is no bound")
	flags.BoolVar(&c.FetchHTTP, "fetch-http", false, "fetch input pictures from http URLs too, not only https")
	flags.StringSliceVar(&c.FetchRanges, "fetch-ranges", nil, "private networks (CIDR) that input URLs may lead to")
	flags.StringSliceVar(&c.FetchHosts, "fetch-hosts", nil, "the only hosts that input URLs may name (default: any public one)")
	flags.IntVar(perKey, "per-key", 0, "unfinished jobs of one key at most, for keys without a bound of their own (default 0: no bound)")
	flags.StringSliceVar(&c.CORSOrigins, "cors-origins", nil, "origins whose web pages may call the APIs, such as https://app.example.com, or * (default: none)")
	flags.StringVar(&c.TLS.Certificate, "tls-certificate", "", "certificate file (PEM) to serve https with")
	flags.StringVar(&c.TLS.Key, "tls-key", "", "key file (PEM) of --tls-certificate")
	flags.StringSliceVar(&c.TLS.Hosts, "acme-hosts", nil, "host names to fetch certificates for by ACME, accepting the authority's terms; needs port 443")
	flags.StringVar(&c.TLS.Directory, "acme-directory", "", "URL of the ACME authority (default: Let's Encrypt's)")
	flags.BoolVar(&c.NoPage, "no-page", false, "leave out the web page at /")
	flags.BoolVar(noWorker, "no-worker", false, "answer requests only and leave the jobs to 'upscaled worker' processes")
	fromEnvironment(flags, "listen", "public-url", "trusted-proxies", "insecure-open", "wait-limit", "max-output-pixels",
		"fetch-http", "fetch-ranges", "fetch-hosts", "per-key", "cors-origins", "tls-certificate", "tls-key", "acme-hosts", "acme-directory", "no-page", "no-worker")
	declareGuard(flags, c)
	declareAPIs(flags, &c.APIs)
}

// declareGuard declares what slow, many or greedy clients are held to.
func declareGuard(flags *pflag.FlagSet, c *server.Config) {
	flags.DurationVar(&c.StallLimit, "stall-limit", 30*time.Second, "how long a client may neither send nor take anything of a request before it is cut; 0 is no bound, of --min-rate neither")
	flags.Int64Var(&c.MinRate, "min-rate", 4<<10, "bytes a second that a client must send or take in the long run; 0 is no bound")
	flags.IntVar(&c.MaxConnections, "max-connections", 4096, "connections of clients at most; beyond it the longest idle one is closed; 0 is no bound")
	flags.Int64Var(&c.UploadMemory, "upload-memory", 1<<30, "bytes of requests held at once until their pictures are stored; more are answered 503; 0 is no bound")
	fromEnvironment(flags, "stall-limit", "min-rate", "max-connections", "upload-memory")
}

// declareAPIs declares limits and prices of the vendors' APIs.
func declareAPIs(flags *pflag.FlagSet, a *server.APIs) {
	*a = server.DefaultAPIs()
	names := []string{}
	number := func(target *int64, name, usage string) {
		flags.Int64Var(target, name, *target, usage)
		names = append(names, name)
	}
	number(&a.Mnml.Price, "mnml-price", "credits for one picture through the mnml API")
	number(&a.AILab.Price, "ailab-price", "credits for one picture through the AILab API")
	number(&a.Maskr.Price, "maskr-price", "credits for one picture through the maskr API")
	number(&a.Artnex.Price, "artnex-price", "credits for one picture through the artnex API")
	number(&a.Aetherforge.Price, "aetherforge-price", "credits for one picture through the aetherforge API")
	number(&a.Native.Price, "native-price", "credits for one picture through the server's own API")
	number(&a.Replicate.Price, "replicate-price", "credits for one picture through the Replicate API")
	number(&a.Automatic.Price, "automatic1111-price", "credits for one run of a network through the AUTOMATIC1111 API")
	number(&a.Automatic.MaxBytes, "automatic1111-max-bytes", "bytes of an input file at most, AUTOMATIC1111 API")
	number(&a.Automatic.MaxBodyBytes, "automatic1111-max-body-bytes", "bytes of the JSON of a batch at most, AUTOMATIC1111 API")
	number(&a.Automatic.MaxOutputPixels, "automatic1111-max-output-pixels", "pixels of a result at most, AUTOMATIC1111 API")
	number(&a.Native.MaxBytes, "native-max-bytes", "bytes of an input file at most, own API")
	number(&a.Native.MaxRequestBytes, "native-max-request-bytes", "bytes of a form with several files at most, own API")
	number(&a.Replicate.MaxBytes, "replicate-max-bytes", "bytes of an input file at most, Replicate API")
	number(&a.Replicate.DataURIBelow, "replicate-data-uri-below", "bytes below which results are answered as data URIs over plain http, Replicate API; 0 answers URLs always")
	number(&a.Mnml.MaxBytes, "mnml-max-bytes", "bytes of an uploaded file at most, mnml API")
	number(&a.Mnml.MinBytes, "mnml-min-bytes", "bytes of an uploaded file at least, mnml API")
	number(&a.AILab.MaxBytes, "ailab-max-bytes", "bytes of an uploaded file at most, AILab API")
	number(&a.Maskr.MaxBytes, "maskr-max-bytes", "bytes of an uploaded file at most, maskr API")
	number(&a.Maskr.MaxBatchBytes, "maskr-max-batch-bytes", "bytes of a whole batch at most, maskr API")
	number(&a.Artnex.MaxBytes, "artnex-max-bytes", "bytes of an input file at most, artnex API")
	number(&a.Aetherforge.MaxBytes, "aetherforge-max-bytes", "bytes of an uploaded file at most, aetherforge API")
	for _, vendor := range []struct {
		name   string
		pixels *int64
		side   *int
	}{
		{"mnml", &a.Mnml.MaxPixels, &a.Mnml.MaxSide}, {"maskr", &a.Maskr.MaxPixels, &a.Maskr.MaxSide},
		{"artnex", &a.Artnex.MaxPixels, &a.Artnex.MaxSide}, {"aetherforge", &a.Aetherforge.MaxPixels, &a.Aetherforge.MaxSide},
		{"native", &a.Native.MaxPixels, &a.Native.MaxSide}, {"replicate", &a.Replicate.MaxPixels, &a.Replicate.MaxSide},
		{"automatic1111", &a.Automatic.MaxPixels, &a.Automatic.MaxSide},
	} {
		number(vendor.pixels, vendor.name+"-max-pixels", "pixels of an input picture at most, "+vendor.name+" API (default 0: only --max-pixels)")
		flags.IntVar(vendor.side, vendor.name+"-max-side", *vendor.side, "pixels of an input's longer side at most, "+vendor.name+" API (default 0: only --max-side)")
		names = append(names, vendor.name+"-max-side")
	}
	flags.IntVar(&a.Automatic.MaxImages, "automatic1111-max-images", a.Automatic.MaxImages, "pictures in one batch at most, AUTOMATIC1111 API")
	flags.StringVar(&a.Automatic.CodeFormer, "automatic1111-codeformer", a.Automatic.CodeFormer, "imported face restorer for codeformer_visibility (default: such requests are refused)")
	flags.Float64Var(&a.Automatic.CodeFormerWeight, "automatic1111-codeformer-weight", a.Automatic.CodeFormerWeight, "codeformer_weight that its network was made with")
	flags.BoolVar(&a.AutomaticURLs, "automatic1111-urls", a.AutomaticURLs, "let pictures of the AUTOMATIC1111 API be given as URLs")
	flags.IntVar(&a.Native.MaxFiles, "native-max-files", a.Native.MaxFiles, "files in one request at most, own API")
	flags.StringSliceVar(&a.Replicate.Models, "replicate-models", a.Replicate.Models, "names (owner/name) that the Replicate API answers for; all mean this server's own model")
	flags.IntVar(&a.Maskr.MaxBatch, "maskr-max-batch", a.Maskr.MaxBatch, "files in one batch at most, maskr API")
	flags.IntVar(&a.AILab.MinSide, "ailab-min-side", a.AILab.MinSide, "pixels that both sides of an input must exceed, AILab API")
	flags.IntVar(&a.Mnml.MaxInputWidth, "mnml-max-width", a.Mnml.MaxInputWidth, "pixels that wider inputs are first reduced to, mnml API; 0 reduces none")
	flags.IntVar(&a.AILab.MaxWidth, "ailab-max-width", a.AILab.MaxWidth, "pixels of an input's longer side at most, AILab API")
	flags.IntVar(&a.AILab.MaxHeight, "ailab-max-height", a.AILab.MaxHeight, "pixels of an input's shorter side at most, AILab API")
	flags.IntVar(&a.ArtnexPerDay, "artnex-per-day", a.ArtnexPerDay, "requests in rolling 24 h for keys without a quota of their own, artnex API; 0 is no bound")
	flags.StringVar(&a.AILab.BaseModel, "ailab-base-model", a.AILab.BaseModel, "network for mode=base, AILab API")
	flags.StringVar(&a.AILab.EnhancementModel, "ailab-enhancement-model", a.AILab.EnhancementModel, "network for mode=enhancement, AILab API")
	fromEnvironment(flags, append(names, "automatic1111-max-images", "automatic1111-codeformer", "automatic1111-codeformer-weight", "automatic1111-urls", "native-max-files", "replicate-models", "maskr-max-batch", "ailab-min-side", "mnml-max-width", "ailab-max-width", "ailab-max-height", "artnex-per-day",
		"ailab-base-model", "ailab-enhancement-model")...)
}
