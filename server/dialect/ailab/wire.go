package ailab

import (
	"net/http"
	"time"

	"upscaled/server/job"
)

// Envelope is the body of every response. Older SDKs read error_code, newer
// ones only the HTTP status; both are always equal.
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

// Detail is shown by newer SDKs. Status is 200 if ErrorCode is 0.
type Detail struct {
	Status      int    `json:"status_code"`
	Code        Code   `json:"code"`
	CodeMessage string `json:"code_message"`
	Message     string `json:"message"`
}

// Picture holds the URL of a result.
type Picture struct {
	URL string `json:"url"`
}

// Balance is one pool of credits; times are Unix seconds, 0 if nothing has
// happened yet. Total counts all purchases, LastRechargeBalance is the balance
// right after the latest one.
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

// unlimited is the balance reported for accounts without one: clients stop at
// 0, and the vendor has no other way to say it.
const unlimited = 999_999_999

// balance returns the pool that all of the vendor's APIs draw from, under the
// name and sign of its documentation. A BalanceWarning of 0 never warns.
// Accounts without a balance have no purchases either.
func balance(caller job.Caller) []Balance {
	pool := Balance{UniqueSign: "common", Name: "Universal credits", Balance: unlimited, Total: unlimited}
	if caller.Credits != nil {
		past := caller.Purchases
		pool.Balance, pool.Total = *caller.Credits, past.Total
		pool.LastRechargeBalance = past.Balance
		pool.FirstBuyTime, pool.LastUpdateTime = unix(past.First), unix(past.Changed)
	}
	return []Balance{pool}
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
