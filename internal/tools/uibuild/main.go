// Command uibuild makes the script of the console out of console/ui/app and
// the libraries in console/ui/vendor, and writes console/ui/dist/app.js. It
// needs neither Node nor a network.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

func main() {
	if err := run(filepath.Join("..", "..", "..", "console", "ui")); err != nil {
		fmt.Fprintln(os.Stderr, "uibuild:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

// run writes the bundle of the sources in dir.
func run(dir string) error {
	script, err := bundle(dir)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "dist", "app.js"), script, 0o644) //nolint:gosec // it is a source file like the others
}

// bundle returns the script, the same bytes for the same sources.
func bundle(dir string) ([]byte, error) {
	if err := verify(filepath.Join(dir, "vendor")); err != nil {
		return nil, err
	}
	vendor, err := filepath.Abs(filepath.Join(dir, "vendor"))
	if err != nil {
		return nil, err
	}
	result := api.Build(api.BuildOptions{
		EntryPoints:       []string{filepath.Join(dir, "app", "main.jsx")},
		Bundle:            true,
		MinifySyntax:      true,
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		Format:            api.FormatESModule,
		Target:            api.ES2022,
		Charset:           api.CharsetUTF8,
		JSXFactory:        "h", //nolint:forbidigo // esbuild's name
		JSXFragment:       "Fragment",
		LegalComments:     api.LegalCommentsInline,
		Alias: map[string]string{
			"preact": filepath.Join(vendor, "preact.mjs"),
			"uplot":  filepath.Join(vendor, "uPlot.esm.js"),
		},
	})
	var faults []error
	for _, m := range append(result.Errors, result.Warnings...) {
		faults = append(faults, errors.New(m.Text))
		if at := m.Location; at != nil {
			faults[len(faults)-1] = fmt.Errorf("%s:%d: %s", at.File, at.Line, m.Text)
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return result.OutputFiles[0].Contents, nil
}

// verify compares what is in the folder of libraries with its lock file.
func verify(dir string) error {
	lock, err := os.Open(filepath.Join(dir, lockFile))
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	locked := map[string]bool{lockFile: true}
	for lines := bufio.NewScanner(lock); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		if len(words) != 4 {
			return fmt.Errorf("%s: %q: want file, SHA-256, package and file in it", lockFile, lines.Text())
		}
		content, err := os.ReadFile(filepath.Join(dir, words[0]))
		if err != nil {
			return err
		}
		if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != words[1] {
			return fmt.Errorf("%s is not what %s says it is, %s of %s", words[0], lockFile, words[3], words[2])
		}
		locked[words[0]] = true
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if !locked[f.Name()] {
			return fmt.Errorf("%s is not in %s", f.Name(), lockFile)
		}
	}
	return nil
}

const lockFile = "vendor.lock"
