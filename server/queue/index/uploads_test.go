package index

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The bytes in use are the sum of the present files, in whatever order changes
// arrive, and reservations never exceed the limit.
func TestUploadsCount(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		const bound = 100
		s, model := NewUploads(), map[string]Usage{}
		now := time.Unix(1000, 0)
		id := rapid.Custom(func(r *rapid.T) string { return fmt.Sprint("f-", rapid.IntRange(0, 5).Draw(r, "id")) })
		file := rapid.Custom(func(r *rapid.T) Usage {
			return Usage{
				account: rapid.SampledFrom([]string{"", "x"}).Draw(r, "account"), bytes: rapid.Int64Range(1, 60).Draw(r, "bytes"),
				expires: now.Add(time.Duration(rapid.IntRange(1, 5).Draw(r, "life")) * time.Second),
			}
		})
		sum := func(account string) (sum int64) {
			for _, f := range model {
				if f.account == account {
					sum += f.bytes
				}
			}
			return sum
		}
		expire := func() {
			for id, f := range model {
				if !now.Before(f.expires) {
					delete(model, id)
				}
			}
		}
		r.Repeat(map[string]func(*rapid.T){
			"reserve": func(r *rapid.T) {
				id, f := id.Draw(r, "file"), file.Draw(r, "as")
				s.Expire(now)
				expire()
				_, taken := model[id]
				fits := sum(f.account)+f.bytes <= bound
				if err := s.Reserve(id, f, bound, now); (err == nil) != (!taken && fits) {
					r.Fatalf("%+v: %v; taken %v, fits %v", f, err, taken, fits)
				} else if err == nil {
					model[id] = f
				}
			},
			"add": func(r *rapid.T) {
				id, f := id.Draw(r, "file"), file.Draw(r, "as")
				s.Add(id, f)
				model[id] = f
			},
			"remove": func(r *rapid.T) {
				id := id.Draw(r, "file")
				s.Remove(id)
				delete(model, id)
			},
			"wait": func(*rapid.T) { now = now.Add(time.Second) },
			"": func(r *rapid.T) {
				for _, account := range []string{"", "x"} {
					if s.used[account] != sum(account) {
						r.Fatalf("%d bytes of %q, want %d", s.used[account], account, sum(account))
					}
				}
			},
		})
	})
}

// A reservation has no record yet, and stays when a new watch begins.
func TestReservationsSurviveAWatch(t *testing.T) {
	t.Parallel()
	s := NewUploads()
	later := time.Now().Add(time.Hour)
	s.Add("stored", Usage{bytes: 1, expires: later})
	if err := s.Reserve("pending", Usage{bytes: 1, expires: later}, 10, time.Now()); err != nil {
		t.Fatal(err)
	}
	if known := s.IDs(); len(known) != 1 || known[0] != "stored" {
		t.Error(known)
	}
}
