package otelmon

import "testing"

func TestParseStatm(t *testing.T) {
	for in, want := range map[string][2]int64{
		"10 4 1 1 0 2 0\n": {40960, 16384},
		"":                 {-1, -1},
		"x y":              {-1, -1},
		"10":               {40960, -1},
		"-1 2":             {-1, 8192},
	} {
		if v, r := parseStatm(in, 4096); v != want[0] || r != want[1] {
			t.Errorf("%q: %d and %d, want %v", in, v, r, want)
		}
	}
}

func TestUsageIsKnownOnLinux(t *testing.T) {
	u := readUsage()
	if u.userSeconds < 0 || u.systemSeconds < 0 || u.residentBytes <= 0 || u.virtualBytes < u.residentBytes || u.fileDescriptors < 3 {
		t.Errorf("got %+v", u)
	}
}
