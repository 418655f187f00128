package limits

import (
	"testing"
	"time"
)

// Waiting consumes the time budget, bytes refill it: a pause is allowed, a rate
// below the bound is not, and speed in the past buys no longer pause.
func TestAllowance(t *testing.T) {
	t.Parallel()
	pace := RateLimit{Stall: 10 * time.Second, Rate: 100}
	type step struct {
		took  time.Duration
		bytes int
	}
	for name, c := range map[string]struct {
		steps []step
		want  time.Duration
	}{
		"nothing yet":                 {nil, 10 * time.Second},
		"a pause":                     {[]step{{4 * time.Second, 0}}, 6 * time.Second},
		"a pause that was made up":    {[]step{{4 * time.Second, 300}, {0, 500}}, 10 * time.Second},
		"at the rate":                 {[]step{{5 * time.Second, 500}, {5 * time.Second, 500}}, 10 * time.Second},
		"below it for a while":        {[]step{{6 * time.Second, 300}, {6 * time.Second, 300}}, 4 * time.Second},
		"below it for too long":       {[]step{{8 * time.Second, 300}, {8 * time.Second, 300}}, 0},
		"fast, then silent":           {[]step{{time.Second, 1 << 20}, {9 * time.Second, 0}}, time.Second},
		"a byte for every long pause": {[]step{{9 * time.Second, 1}, {990 * time.Millisecond, 0}}, 20 * time.Millisecond},
	} {
		a := pace.begin()
		for _, s := range c.steps {
			a.spend(s.took, s.bytes)
		}
		if difference := a.left - c.want; difference.Abs() > time.Microsecond {
			t.Errorf("%s: %v are left, want %v", name, a.left, c.want)
		}
	}
}

// Without a least rate any byte makes up for a pause, and silence is still cut.
func TestAllowanceWithoutRate(t *testing.T) {
	t.Parallel()
	pace := RateLimit{Stall: 10 * time.Second}
	if !pace.enabled() {
		t.Error("silence is not bounded without a rate")
	}
	a := pace.begin()
	a.spend(9*time.Second, 1)
	if a.left != pace.Stall {
		t.Errorf("%v are left after a byte", a.left)
	}
	a.spend(11*time.Second, 0)
	if a.left >= 0 {
		t.Errorf("%v are left after too long a silence", a.left)
	}
}
