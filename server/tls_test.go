package server_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"upscaled/models/fault"
	"upscaled/server"
	"upscaled/server/account"
	"upscaled/server/account/accounttest"
	"upscaled/server/job/jobtest"
)

// certificate makes a self-signed one for 127.0.0.1 and returns the two files.
func certificate(t *testing.T) (certificate, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	certificate, key = filepath.Join(folder, "certificate.pem"), filepath.Join(folder, "key.pem")
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, contents := range map[string][]byte{
		certificate: public, key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}),
	} {
		if err := os.WriteFile(name, contents, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(public)
	return certificate, key, pool
}

// secured is a server on a port with a change of configuration.
func secured(t *testing.T, change func(*server.Config)) (*server.Server, error) {
	t.Helper()
	config := server.Config{Listen: "127.0.0.1:0", WaitLimit: patience, Grace: time.Second, MaxPixels: 1, MaxSide: 1, APIs: server.DefaultAPIs()}
	change(&config)
	return server.New(context.Background(), config, server.Parts{
		Queue: &jobtest.Queue{}, Auth: account.New(accounttest.NewMemory(), time.Now),
		Secrets: [][]byte{[]byte(strings.Repeat("s", 32))}, Decoders: 1, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
}

// listening runs a server until the test ends and returns its address.
func listening(t *testing.T, s *server.Server) net.Addr {
	t.Helper()
	address, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = s.Run(ctx) })
	t.Cleanup(func() { stop(); running.Wait() })
	return address
}

// With a certificate the server speaks TLS 1.2 and newer and HTTP/2, and tells
// browsers to stay with it.
func TestTLS(t *testing.T) {
	t.Parallel()
	public, private, pool := certificate(t)
	s, err := secured(t, func(c *server.Config) { c.TLS = server.TLS{Certificate: public, Key: private} })
	if err != nil {
		t.Fatal(err)
	}
	address := listening(t, s)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Get("https://" + address.String() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK || answer.ProtoMajor != 2 || answer.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%s %s %v", answer.Proto, answer.Status, answer.Header)
	}
	old := &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS11}
	if connection, err := tls.Dial("tcp", address.String(), old); err == nil {
		_ = connection.Close()
		t.Error("TLS 1.1 was accepted")
	}
}

func TestTLSMistakes(t *testing.T) {
	t.Parallel()
	public, _, _ := certificate(t)
	_, other, _ := certificate(t)
	s, err := secured(t, func(c *server.Config) { c.TLS = server.TLS{Certificate: public, Key: other} })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Listen(); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a key of another certificate: %v", err)
	}
	for name, config := range map[string]server.TLS{
		"no key": {Certificate: public}, "no certificate": {Key: other},
		"both": {Certificate: public, Key: other, Hosts: []string{"a.example"}},
	} {
		if all := strings.Join((server.Config{TLS: config}).Problems(), "\n"); !strings.Contains(all, "--tls-certificate") {
			t.Errorf("%s: %s", name, all)
		}
	}
}

// Certificates are asked for only for the hosts that were named.
func TestACMEKnowsItsHosts(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 10)
	authority := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		http.Error(w, "no", http.StatusForbidden) // not tried again
	}))
	defer authority.Close()
	s, err := secured(t, func(c *server.Config) {
		c.TLS = server.TLS{Hosts: []string{"good.example"}, Cache: t.TempDir(), Directory: authority.URL + "/directory"}
	})
	if err != nil {
		t.Fatal(err)
	}
	address := listening(t, s)
	greet := func(name string) {
		if connection, err := tls.Dial("tcp", address.String(), &tls.Config{ServerName: name, InsecureSkipVerify: true}); err == nil {
			_ = connection.Close()
			t.Errorf("%s has a certificate", name)
		}
	}
	greet("bad.example")
	select {
	case path := <-asked:
		t.Errorf("the authority was asked for %s", path)
	default:
	}
	greet("good.example")
	if path := <-asked; path != "/directory" {
		t.Errorf("the authority was asked for %s", path)
	}
}

// Pages of other origins may call only if that is allowed.
func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	ask := func(origins []string) http.Header {
		s, err := secured(t, func(c *server.Config) { c.CORSOrigins = origins })
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodOptions, "/api/v1/jobs", nil)
		r.Header.Set("Origin", "https://app.example")
		r.Header.Set("Access-Control-Request-Method", "POST")
		r.Header.Set("Access-Control-Request-Headers", "authorization,x-stainless-os")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		return w.Header()
	}
	const allowed = "Access-Control-Allow-Origin"
	if got := ask(nil).Get(allowed); got != "" {
		t.Errorf("by default %q", got)
	}
	const headers = "Access-Control-Allow-Headers"
	if got := ask([]string{"https://other.example"}); got.Get(allowed) != "" || got.Get(headers) != "" {
		t.Errorf("for another origin %v", got)
	}
	got := ask([]string{"https://app.example"})
	if got.Get(allowed) != "https://app.example" || got.Get(headers) != "authorization,x-stainless-os" {
		t.Errorf("for its own origin %v", got)
	}
	for _, route := range whole(t, func(*server.Config) {}).Routes() {
		fallback := strings.HasSuffix(route.Path, "*") || route.Method == "QUERY" // the latter is for one library outside browsers
		if !fallback && !strings.Contains(got.Get("Access-Control-Allow-Methods"), route.Method) {
			t.Errorf("%s %s is not allowed: %v", route.Method, route.Path, got)
		}
	}
}
