package main

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var ui = filepath.Join("..", "..", "..", "console", "ui")

func committed(t *testing.T) []byte {
	t.Helper()
	script, err := os.ReadFile(filepath.Join(ui, "dist", "app.js"))
	if err != nil {
		t.Fatal(err)
	}
	return script
}

func TestScriptIsThatOfTheSources(t *testing.T) {
	script, err := bundle(ui)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(script, committed(t)) {
		t.Error("console/ui/dist/app.js is not what its sources make: run make ui")
	}
}

// maxScript is in bytes, compressed: what one may have to load over a slow
// tunnel before the page is alive.
const maxScript = 50_000

func TestScriptStaysSmall(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(committed(t)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if b.Len() > maxScript {
		t.Errorf("%d bytes compressed, want at most %d", b.Len(), maxScript)
	}
	t.Logf("%d bytes, %d compressed", len(committed(t)), b.Len())
}

// A page of telemetry, which is text from outside, must not be able to turn
// text into code.
func TestScriptMakesNoCodeOfText(t *testing.T) {
	script := string(committed(t))
	for _, bad := range []string{"eval(", "new Function", "document.write", "insertAdjacentHTML", "outerHTML", "http://", "https://"} {
		for line := range strings.SplitSeq(script, "\n") {
			if strings.HasPrefix(line, "*") || strings.HasPrefix(line, " *") || strings.HasPrefix(line, "/*") {
				continue
			}
			line = strings.ReplaceAll(line, "http://www.w3.org/", "") // the names of SVG and MathML
			if i := strings.Index(line, bad); i >= 0 {
				t.Errorf("%s: …%s…", bad, line[max(0, i-80):min(len(line), i+80)])
			}
		}
	}
}

func TestAnotherLibraryThanTheLockedOneIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(ui, "vendor"))); err != nil {
		t.Fatal(err)
	}
	if err := verify(dir); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("more.js", "")
	if err := verify(dir); err == nil || !strings.Contains(err.Error(), "more.js is not in vendor.lock") {
		t.Errorf("a library that is not locked: %v", err)
	}
	write("preact.mjs", "export const h = 1")
	if err := verify(dir); err == nil || !strings.Contains(err.Error(), "dist/preact.mjs of preact@11.2.0") {
		t.Errorf("a changed library: %v", err)
	}
}
