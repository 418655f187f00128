package health

import "testing"

func TestLocalURL(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]string{
		"0.0.0.0:8080": "http://127.0.0.1:8080", ":81": "http://127.0.0.1:81", "[::]:80": "http://[::1]:80",
		"10.0.0.7:8080": "http://10.0.0.7:8080", "[fe80::1]:9": "http://[fe80::1]:9",
	} {
		if got, err := LocalURL(listen); err != nil || got.String() != want {
			t.Errorf("%s: %s, %v; want %s", listen, got, err, want)
		}
	}
}
