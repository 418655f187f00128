package replicate

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"upscaled/server/dialect"
	"upscaled/server/job"
)

// Account is the vendor's object for the owner of a key.
type Account struct {
	Type      string `json:"type"`
	Username  string `json:"username"`
	Name      string `json:"name"`
	GitHubURL string `json:"github_url"`
}

// Hardware is the vendor's object for a kind of machine.
type Hardware struct {
	SKU  string `json:"sku"`
	Name string `json:"name"`
}

// Secret is the vendor's object for the key that signs webhooks.
type Secret struct {
	Key string `json:"key"`
}

// account describes the key, by which clients check it.
func (a *API) account(c echo.Context, caller job.Caller) error {
	name := caller.Name
	if caller.ID == "" { // the server has no keys
		name = "local"
	}
	return dialect.JSON(c, http.StatusOK, Account{Type: "user", Username: name, Name: name})
}

// hardware lists one machine; clients check their key by it too.
func (a *API) hardware(c echo.Context, _ job.Caller) error {
	return dialect.JSON(c, http.StatusOK, []Hardware{{SKU: "upscaled", Name: "This server"}})
}

// secret returns the key's own secret of webhooks. The server's, which signs those
// of all keys, would let its reader forge calls to others.
func (a *API) secret(c echo.Context, caller job.Caller) error {
	//guard:webhook-secret TestWebhookSecret
	if caller.ID == "" || a.stores.WebhookSecret == nil {
		return apiError{Problem{
			Title: "No key", Detail: "Only callers with a key have a secret of their own. The server's operator has that of the others.",
			Status: http.StatusForbidden,
		}}
	}
	return dialect.JSON(c, http.StatusOK, Secret{a.stores.WebhookSecret(caller.ID)})
}

// none answers with an empty list: this server has no collections, deployments or
// trainings.
func none(c echo.Context, _ job.Caller) error {
	return dialect.JSON(c, http.StatusOK, Page[struct{}]{Results: []struct{}{}})
}
