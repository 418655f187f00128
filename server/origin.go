package server

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/server/limits"
)

// refusedSite is answered to what browsers send for pages of other sites. It is
// no API's error: no client of one ever sees it.
type refusedSite struct {
	Detail string `json:"detail"`
}

// ownSites refuses what pages of other sites send through somebody's browser:
// changes from another origin, and, while the server has no keys and is meant
// for this machine only, everything under a name that is not its own. Such a
// name is one that a hostile page had resolve to this machine (DNS rebinding).
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
				return c.JSON(http.StatusForbidden, refusedSite{"A page of another site may not call this server; its operator can allow that with --cors-origins."})
			}
			known, err := s.knows(r, a)
			if err != nil {
				return err
			}
			//guard:rebinding TestNamesThatResolveHere
			if !known {
				return c.JSON(http.StatusMisdirectedRequest, refusedSite{"This server does not know itself under that name; its operator can tell it with --public-url, or make keys."})
			}
			return next(c)
		}
	}, nil
}

// knows says whether the server may be asked under the name of a request.
func (s *Server) knows(r *http.Request, a addresses) (bool, error) {
	if s.config.Exposed() || limits.IsLocalName(r.Host) || a.trusts(r.RemoteAddr) {
		return true, nil
	}
	if scheme, _, public := strings.Cut(s.config.PublicURL, "://"); public && limits.SameHost(s.config.PublicURL, scheme+"://"+r.Host) {
		return true, nil
	}
	return s.parts.Auth.Enabled(r.Context())
}
