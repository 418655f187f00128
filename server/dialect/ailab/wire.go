package ailab

import (
	"net/http"
	"time"

	"upscaled/server/job"
)

// Envelope is the body of every answer. Older SDKs read error_code, newer ones
// only the HTTP status, so both always say the same.
type Envelope struct {
	RequestID    string `json:"request_id"`
	LogID        string `json:"log_id"` // equals RequestID
	ErrorCode    int    `json:"error_code"`
	ErrorCodeStr string `json:"error_code_str"`
	ErrorMessage string `json:"error_msg"`
	ErrorDetail  Detail `json:"error_detail"`
	// Data is Picture or []Balance; absent on errors.
	Data any `json:"data,omitempty"`
}

// Detail is what newer SDKs show. Status is 200 where ErrorCode is 0.
type Detail struct {
	Status      int    `json:"status_code"`
	Code        Code   `json:"code"`
	CodeMessage string `json:"code_message"`
	Message     string `json:"message"`
}

// Picture is where a result can be read for 24 h.
type Picture struct {
	URL string `json:"url"`
}

// Balance is one pot of credits; times are unix seconds, 0 where nothing
// happened yet. Total is what was ever bought, LastRechargeBalance what the
// pot held right after the latest purchase.
type Balance struct {
	UniqueSign          string `json:"unique_sign"`
	Name                string `json:"name"`
	Balance             int64  `json:"balance"`
	Total               int64  `json:"total"`
	LastRechargeBalance int64  `json:"last_recharge_balance"`
	BalanceWarning      int64  `json:"balance_warning"`
	FirstBuyTime        int64  `json:"first_buy_time"`
	LastUpdateTime      int64  `json:"last_update_time"`
}

func success(requestID string, data any) Envelope {
	return Envelope{RequestID: requestID, LogID: requestID, ErrorDetail: Detail{Status: http.StatusOK}, Data: data}
}

// unlimited stands for the balance of accounts without one: the vendor's form
// has no word for it, and clients stop at 0.
const unlimited = 999_999_999

// balance is the vendor's pot that all its APIs draw from, under the name and
// sign that its page of the call lists. No balance warns: 0. Accounts without
// a balance have no purchases either.
func balance(caller job.Caller) []Balance {
	pot := Balance{UniqueSign: "common", Name: "Universal credits", Balance: unlimited, Total: unlimited}
	if caller.Credits != nil {
		past := caller.Purchases
		pot.Balance, pot.Total = *caller.Credits, past.Total
		pot.LastRechargeBalance = past.Balance
		pot.FirstBuyTime, pot.LastUpdateTime = unix(past.First), unix(past.Changed)
	}
	return []Balance{pot}
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
