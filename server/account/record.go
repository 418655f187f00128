package account

import (
	"cmp"
	"time"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// Limits restrict an account; zero means no limit.
type Limits struct {
	// PerDay limits requests in a rolling 24 h, PerSecond their rate (with bursts
	// of one second's worth), Concurrent the unfinished jobs.
	PerDay     int     `json:"per_day,omitempty"`
	PerSecond  float64 `json:"per_second,omitempty"`
	Concurrent int     `json:"concurrent,omitempty"`
}

// Account is a stored account. Of the key only the hash is stored.
type Account struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Hash      string    `json:"hash"` // hex SHA-256 of the whole key
	Credits   int64     `json:"credits"`
	Unlimited bool      `json:"unlimited,omitempty"`
	Disabled  bool      `json:"disabled,omitempty"`
	Created   time.Time `json:"created"`
	Limits    Limits    `json:"limits"`
	// Operator keys see and steer all workers, jobs and keys.
	Operator bool `json:"operator,omitempty"`
	// Expires is when the key stops working; zero is never.
	Expires time.Time `json:"expires,omitzero"`
	// Previous is the hash of the secret before the latest rotation, which works
	// until PreviousUntil.
	Previous      string    `json:"previous,omitempty"`
	PreviousUntil time.Time `json:"previous_until,omitzero"`
	// Deleted keys keep their record: unfinished jobs are still settled, and a
	// server whose last key was deleted stays closed.
	Deleted bool `json:"deleted,omitempty"`
	// Usage is by day, the oldest first, of the latest usageDays days with any.
	Usage []Usage `json:"usage,omitempty"`

	// Purchases are nil in records older than this field.
	Purchases *job.Purchases `json:"purchases,omitempty"`

	// Holds are credits taken for jobs that are not final yet, by job ID.
	Holds map[string]int64 `json:"holds,omitempty"`
	// Window counts accepted requests by minute (unix seconds of its start).
	Window []minute `json:"window,omitempty"`
	// Tokens and Refilled are the token bucket of the rate limit.
	Tokens   float64   `json:"tokens,omitempty"`
	Refilled time.Time `json:"refilled,omitzero"`
}

// history returns the purchases. A record older than this field counts as one
// purchase of its present credits, at its creation.
func (a *Account) history() job.Purchases {
	if a.Purchases != nil {
		return *a.Purchases
	}
	p := job.Purchases{Total: a.Credits, Balance: a.Credits, First: a.Created, Changed: a.Created}
	for _, held := range a.Holds {
		p.Total += held
	}
	return p
}

// buy adds credits, or takes some if negative, which is no purchase.
func (a *Account) buy(credits int64, now time.Time) {
	p := a.history()
	a.Credits += credits
	p.Total += credits
	if credits > 0 {
		p.Balance = a.Credits
		if p.First.IsZero() {
			p.First = now
		}
	}
	a.Purchases = &p
}

// Usage counts the jobs of one day.
type Usage struct {
	Day string `json:"day"` // 2006-01-02, UTC
	// Jobs were accepted, Succeeded have ended on this day and cost Credits, less
	// those whose result was found damaged and refunded.
	Jobs      int   `json:"jobs"`
	Succeeded int   `json:"succeeded"`
	Credits   int64 `json:"credits"`
}

// usageDays is how many days of usage are kept.
const usageDays = 31

// today returns the usage of the current day.
func (a *Account) today(now time.Time) *Usage {
	day := now.UTC().Format(time.DateOnly)
	if n := len(a.Usage); n == 0 || a.Usage[n-1].Day < day {
		a.Usage = append(a.Usage[max(0, n+1-usageDays):], Usage{Day: day})
	}
	return &a.Usage[len(a.Usage)-1]
}

type minute struct {
	Start int64  `json:"s"`
	API   string `json:"a,omitempty"`
	Count int    `json:"n"`
}

// RetryAfter wraps a fault.RateLimited error with the time that the caller should
// wait.
type RetryAfter struct {
	Wait time.Duration
	Err  *fault.Error
}

func (r *RetryAfter) Error() string { return r.Err.Error() }
func (r *RetryAfter) Unwrap() error { return r.Err }

func limited(wait time.Duration, sentence string) error {
	return &RetryAfter{Wait: max(wait, time.Second), Err: fault.New(fault.RateLimited, "%s", sentence)}
}

// charge takes the price for a job and counts the request. A job that already holds
// credits is not charged again.
func (a *Account) charge(jobID string, terms Terms, now time.Time) error {
	//guard:charge-once
	if _, held := a.Holds[jobID]; held {
		return nil
	}
	if err := a.refusal(now); err != nil {
		return err
	}
	concurrent := cmp.Or(a.Limits.Concurrent, terms.Concurrent)
	if concurrent > 0 && len(a.Holds) >= concurrent {
		return limited(time.Second, "Too many unfinished jobs for this key.")
	}
	if err := a.admit(terms, now); err != nil {
		return err
	}
	if !a.Unlimited {
		if a.Credits < terms.Price {
			return fault.New(fault.NoCredits, "The account does not have enough credits.")
		}
		a.Credits -= terms.Price
	}
	a.hold(jobID, terms.Price)
	a.today(now).Jobs++
	a.count(terms, now)
	return nil
}

// hold records credits that were taken for a job and reports whether there was no
// such record.
func (a *Account) hold(jobID string, price int64) bool {
	if _, held := a.Holds[jobID]; held {
		return false
	}
	if a.Unlimited {
		price = 0
	}
	if a.Holds == nil {
		a.Holds = map[string]int64{}
	}
	a.Holds[jobID] = price
	return true
}

// admit checks rate and daily quota without counting.
func (a *Account) admit(terms Terms, now time.Time) error {
	a.expire(now)
	if free, used := a.quotaFree(terms, now); used {
		return limited(free.Sub(now), "The daily request quota is used up.")
	}
	if rate := a.Limits.PerSecond; rate > 0 {
		a.refill(now)
		if a.Tokens < 1 {
			return limited(time.Duration((1-a.Tokens)/rate*float64(time.Second)), "Too many requests a second.")
		}
	}
	return nil
}

// quotaFree reports whether the daily quota is used up, and when its oldest request
// is forgotten. An account's quota counts the requests of all APIs, an API's quota
// only its own.
func (a *Account) quotaFree(terms Terms, now time.Time) (free time.Time, used bool) {
	quota, api := a.Limits.PerDay, ""
	if quota == 0 {
		quota, api = terms.PerDay, terms.API
	}
	count, free := 0, now
	for _, m := range a.Window {
		if api != "" && m.API != api {
			continue
		}
		if count == 0 {
			free = time.Unix(m.Start, 0).Add(24*time.Hour + time.Minute)
		}
		count += m.Count
	}
	return free, quota > 0 && count >= quota
}

func (a *Account) refill(now time.Time) {
	burst := max(a.Limits.PerSecond, 1)
	if a.Refilled.IsZero() {
		a.Tokens = burst
	} else if passed := now.Sub(a.Refilled).Seconds(); passed > 0 {
		a.Tokens = min(burst, a.Tokens+passed*a.Limits.PerSecond)
	}
	a.Refilled = now
}

func (a *Account) count(terms Terms, now time.Time) {
	if a.Limits.PerSecond > 0 {
		a.Tokens--
	}
	if a.Limits.PerDay == 0 && terms.PerDay == 0 {
		return
	}
	start := now.Truncate(time.Minute).Unix()
	for i := len(a.Window) - 1; i >= 0 && a.Window[i].Start == start; i-- {
		if a.Window[i].API == terms.API {
			a.Window[i].Count++
			return
		}
	}
	a.Window = append(a.Window, minute{Start: start, API: terms.API, Count: 1})
}

// expire forgets minutes that ended more than 24 h ago: a request is counted
// for at least 24 h and at most one minute longer.
func (a *Account) expire(now time.Time) {
	oldest := now.Add(-24*time.Hour - time.Minute).Unix()
	for len(a.Window) > 0 && a.Window[0].Start <= oldest {
		a.Window = a.Window[1:]
	}
}

// settle makes a job's charge final, and refund returns it. Both report whether
// there was a hold, and may be repeated.
func (a *Account) settle(jobID string, now time.Time) bool {
	price, held := a.Holds[jobID]
	if held {
		today := a.today(now)
		today.Succeeded, today.Credits = today.Succeeded+1, today.Credits+price
	}
	delete(a.Holds, jobID)
	return held
}

func (a *Account) refund(jobID string) bool {
	price, held := a.Holds[jobID]
	a.Credits += price
	delete(a.Holds, jobID)
	return held
}
