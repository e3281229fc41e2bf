package main

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What is seen of a panel, read without Grafana's library.
type panel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ X, Y, W, H int }
	Targets                  []json.RawMessage
	FieldConfig              struct {
		Defaults struct {
			Unit  string
			Links []struct{ Title, URL string }
		}
	}
}

type variable struct{ Name, Type, Definition string }

func decode(t *testing.T, content []byte) (d struct {
	UID, Title, Description string
	Panels                  []panel
	Templating              struct{ List []variable }
	Links                   []struct{ Type string }
},
) {
	t.Helper()
	if err := json.Unmarshal(content, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func panels(t *testing.T, content []byte) []panel {
	t.Helper()
	return slices.DeleteFunc(decode(t, content).Panels, func(p panel) bool { return p.Type == "row" })
}

// most is how many panels one can look through.
const most = 18

// narrowest is, in columns, what a kind of panel needs to be read on a screen of
// 1280 pixels: a column is some 50 wide there.
func narrowest() map[string]int {
	return map[string]int{
		"row": full, "stat": quarter, "timeseries": third, "state-timeline": half, "bargauge": half, "table": third, "logs": half,
	}
}

func TestLayout(t *testing.T) {
	for name, content := range committed(t) {
		d := decode(t, content)
		if d.UID == "" || d.Title == "" || d.Description == "" || len(d.Links) == 0 {
			t.Errorf("%s: no uid, title, description or way to the others", name)
		}
		if n := len(panels(t, content)); n < 10 || n > most {
			t.Errorf("%s has %d panels", name, n)
		}
		ids, cells := make(map[int]bool), make(map[[2]int]string)
		for i, p := range d.Panels {
			if p.ID == 0 || ids[p.ID] {
				t.Errorf("%s: %q has the id %d, like another", name, p.Title, p.ID)
			}
			ids[p.ID] = true
			if i == 0 && p.Type != "row" {
				t.Errorf("%s begins without a row", name)
			}
			least, known := narrowest()[p.Type]
			if !known || p.GridPos.W < least || p.GridPos.H < low && p.Type != "row" {
				t.Errorf("%s: %q is a %s of %d columns and %d lines, want at least %d", name, p.Title, p.Type, p.GridPos.W, p.GridPos.H, least)
			}
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other, taken := cells[[2]int{x, y}]; taken || x >= full {
						t.Fatalf("%s: %q lies over %q or beyond the grid", name, p.Title, other)
					}
					cells[[2]int{x, y}] = p.Title
				}
			}
		}
		checkHoles(t, name, d.Panels, cells)
	}
}

// checkHoles: each line of the grid is filled to its end.
func checkHoles(t *testing.T, name string, all []panel, cells map[[2]int]string) {
	t.Helper()
	for _, p := range all {
		for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
			for x := range full {
				if cells[[2]int{x, y}] == "" {
					t.Fatalf("%s: nothing stands in the column %d beside %q", name, x, p.Title)
				}
			}
		}
	}
}

// TestWords: each panel has a title of its own, says what it shows and in what
// unit, and asks for it.
func TestWords(t *testing.T) {
	for name, content := range committed(t) {
		titles := make(map[string]bool)
		for _, p := range panels(t, content) {
			if titles[p.Title] || p.Title == "" {
				t.Errorf("%s: two panels are called %q", name, p.Title)
			}
			titles[p.Title] = true
			if !strings.HasSuffix(p.Description, ".") || p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0 {
				t.Errorf("%s: %q has description %q, unit %q and %d questions", name, p.Title, p.Description, p.FieldConfig.Defaults.Unit, len(p.Targets))
			}
		}
	}
}

// TestLinks: what a click leads to is a question that can be read, and each
// dashboard has ways to traces, where it is about any, and to logs.
func TestLinks(t *testing.T) {
	for name, content := range committed(t) {
		for _, p := range panels(t, content) {
			for _, l := range p.FieldConfig.Defaults.Links {
				u, err := url.Parse(regexp.MustCompile(`\$\{[^}]+\}`).ReplaceAllString(l.URL, "value"))
				if err != nil {
					t.Errorf("%s, %s: %v", name, p.Title, err)
					continue
				}
				if u.Path != "/explore" {
					continue
				}
				var panes map[string]struct {
					DataSource string
					Queries    []struct{ Service, Expr string }
				}
				if err := json.Unmarshal([]byte(u.Query().Get("panes")), &panes); err != nil {
					t.Errorf("%s, %s: %v in %s", name, p.Title, err, l.URL)
				}
				if pane := panes["o"]; len(pane.Queries) != 1 || pane.Queries[0].Service == "" == (pane.Queries[0].Expr == "") {
					t.Errorf("%s, %s: %+v", name, p.Title, panes)
				}
			}
		}
		for _, way := range []string{"${traces", "${logs"} {
			if none := name == "delivery.json" && way == "${traces"; !none && !strings.Contains(string(content), way) {
				t.Errorf("%s has no way to %s}", name, way)
			}
		}
	}
}

// TestVariables: each that is used is there, and each that is there is used.
func TestVariables(t *testing.T) {
	used := regexp.MustCompile(`\$\{?([a-z]+)`)
	for name, content := range committed(t) {
		defined := make(map[string]bool)
		for _, v := range decode(t, content).Templating.List {
			defined[v.Name] = true
		}
		seen := make(map[string]bool)
		for _, m := range used.FindAllSubmatch(content, -1) {
			seen[string(m[1])] = true
			if !defined[string(m[1])] {
				t.Errorf("%s uses $%s", name, m[1])
			}
		}
		for v := range defined {
			if !seen[v] && v != "traces" {
				t.Errorf("%s has the variable %s for nothing", name, v)
			}
		}
	}
}
