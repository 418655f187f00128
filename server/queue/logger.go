package queue

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
)

// logger passes on what the embedded server warns of; its notices are many
// and tell operators nothing.
type logger struct{ log *slog.Logger }

func (l logger) Noticef(string, ...any) {}
func (l logger) Debugf(string, ...any)  {}
func (l logger) Tracef(string, ...any)  {}

func (l logger) Warnf(format string, args ...any) {
	l.log.Warn("embedded queue", "message", fmt.Sprintf(format, args...))
}

func (l logger) Errorf(format string, args ...any) {
	l.log.Error("embedded queue", "message", fmt.Sprintf(format, args...))
}

// Fatalf is called where the server on its own would end its process; the
// start then fails by not becoming ready.
func (l logger) Fatalf(format string, args ...any) { l.Errorf(format, args...) }

func splitServers(addresses string) []string {
	if addresses == "" {
		return nil
	}
	parts := strings.Split(addresses, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// randomToken has 256 bits.
func randomToken() string {
	token := make([]byte, 32)
	_, _ = rand.Read(token) // never fails, see crypto/rand
	return hex.EncodeToString(token)
}
