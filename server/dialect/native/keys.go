package native

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/account"
	"upscaled/server/dialect"
)

// Keys is the store of API keys; package account implements it.
type Keys interface {
	List(ctx context.Context) ([]account.Account, error)
	Create(ctx context.Context, o account.NewOptions) (key string, a account.Account, err error)
	Change(ctx context.Context, id string, c account.Changes) (account.Account, error)
	Rotate(ctx context.Context, id string, overlap time.Duration) (key string, a account.Account, err error)
	Delete(ctx context.Context, id string) (account.Account, error)
}

// KeyView is an API key without its secret.
type KeyView struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Operator bool   `json:"operator"`
	Disabled bool   `json:"disabled"`
	// Credits is null if the key is unlimited.
	Credits    *int64  `json:"credits"`
	PerDay     int     `json:"per_day"`
	PerSecond  float64 `json:"per_second"`
	Concurrent int     `json:"concurrent"`
	// Unfinished is the number of jobs that wait or run.
	Unfinished int       `json:"unfinished"`
	Created    time.Time `json:"created"`
	// Expires is null if the key works until it is disabled or deleted.
	Expires *time.Time `json:"expires"`
	// PreviousUntil is when the secret before the latest rotation stops working.
	PreviousUntil *time.Time `json:"previous_until"`
	// Usage is by day, the oldest first, of the last 31 days with any.
	Usage []account.Usage `json:"usage"`
	// Key is the key itself, in the response that creates it only.
	Key string `json:"key,omitempty"`
}

// NewKeyView returns the view of an account; key is "" unless it was just made.
func NewKeyView(a account.Account, key string) KeyView {
	v := KeyView{
		ID: a.ID, Name: a.Name, Operator: a.Operator, Disabled: a.Disabled, PerDay: a.Limits.PerDay, PerSecond: a.Limits.PerSecond,
		Concurrent: a.Limits.Concurrent, Unfinished: len(a.Holds), Created: a.Created, Expires: moment(a.Expires),
		PreviousUntil: moment(a.PreviousUntil), Usage: append([]account.Usage{}, a.Usage...), Key: key,
	}
	if !a.Unlimited {
		v.Credits = &a.Credits
	}
	return v
}

// KeysView is the response of GET /api/v1/keys.
type KeysView struct {
	Keys []KeyView `json:"keys"`
}

func (o operator) listKeys(c echo.Context) error {
	all, err := o.parts.Keys.List(c.Request().Context())
	if err != nil {
		return err
	}
	view := KeysView{Keys: []KeyView{}}
	for _, a := range all {
		view.Keys = append(view.Keys, NewKeyView(a, ""))
	}
	return dialect.JSON(c, http.StatusOK, view)
}

// newKey is the body of POST /api/v1/keys.
type newKey struct {
	Name       string    `json:"name"`
	Credits    int64     `json:"credits"`
	Unlimited  bool      `json:"unlimited"`
	Operator   bool      `json:"operator"`
	PerDay     int       `json:"per_day"`
	PerSecond  float64   `json:"per_second"`
	Concurrent int       `json:"concurrent"`
	Expires    time.Time `json:"expires"`
}

func (o operator) createKey(c echo.Context) error {
	var n newKey
	if err := readBody(c, &n); err != nil {
		return err
	}
	key, a, err := o.parts.Keys.Create(c.Request().Context(), account.NewOptions{
		Name: n.Name, Credits: n.Credits, Unlimited: n.Unlimited, Operator: n.Operator, Expires: n.Expires,
		Limits: account.Limits{PerDay: n.PerDay, PerSecond: n.PerSecond, Concurrent: n.Concurrent},
	})
	return showKey(c, http.StatusCreated, a, key, err)
}

func (o operator) changeKey(c echo.Context) error {
	var changes account.Changes
	if err := readBody(c, &changes); err != nil {
		return err
	}
	a, err := o.parts.Keys.Change(c.Request().Context(), c.Param("id"), changes)
	return showKey(c, http.StatusOK, a, "", err)
}

func (o operator) rotateKey(c echo.Context) error {
	var body struct {
		OverlapSeconds int64 `json:"overlap_seconds"`
	}
	if err := readBody(c, &body); err != nil {
		return err
	}
	const longest = 365 * 24 * 3600
	if body.OverlapSeconds < 0 || body.OverlapSeconds > longest {
		return fault.New(fault.Invalid, "overlap_seconds must be 0 to %d.", longest)
	}
	key, a, err := o.parts.Keys.Rotate(c.Request().Context(), c.Param("id"), time.Duration(body.OverlapSeconds)*time.Second)
	return showKey(c, http.StatusOK, a, key, err)
}

func (o operator) deleteKey(c echo.Context) error {
	if _, err := o.parts.Keys.Delete(c.Request().Context(), c.Param("id")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func showKey(c echo.Context, status int, a account.Account, key string, err error) error {
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
	return dialect.JSON(c, status, NewKeyView(a, key))
}
