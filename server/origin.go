package server

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/server/limits"
)

// siteError is the response to browsers that send requests for pages of other
// sites. API clients never see it.
type siteError struct {
	Detail string `json:"detail"`
}

// ownSites rejects cross-site requests: state changes from another origin, and, if
// the server has no keys and listens only on this machine, everything under a
// foreign host name, which a hostile page may have resolved to this machine (DNS
// rebinding).
func (s *Server) ownSites(a addresses) (echo.MiddlewareFunc, error) {
	sites, err := limits.NewOrigins(s.config.CORSOrigins, a.base)
	if err != nil {
		return nil, err
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			//guard:other-sites-routes TestPagesOfOtherSites
			if !sites.Allow(r) {
				return c.JSON(http.StatusForbidden, siteError{"A page of another site may not call this server; its operator can allow that."})
			}
			known, err := s.knows(r, a)
			if err != nil {
				return err
			}
			//guard:rebinding TestNamesThatResolveHere
			if !known {
				return c.JSON(http.StatusMisdirectedRequest, siteError{"This server does not know itself under that name; its operator can set its public URL, or make keys."})
			}
			return next(c)
		}
	}, nil
}

// knows reports whether the host name of a request is the server's.
func (s *Server) knows(r *http.Request, a addresses) (bool, error) {
	if s.config.Exposed() || limits.IsLocalName(r.Host) || a.trusts(r.RemoteAddr) {
		return true, nil
	}
	if scheme, _, public := strings.Cut(s.config.PublicURL, "://"); public && limits.SameHost(s.config.PublicURL, scheme+"://"+r.Host) {
		return true, nil
	}
	return s.parts.Auth.Enabled(r.Context())
}
