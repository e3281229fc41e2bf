package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
)

// ui is the templates, the style sheet, the script that make ui makes, and the
// style sheet of its charts.
//
//go:embed ui/*.html ui/style.css ui/dist/app.js ui/vendor/uPlot.min.css
var ui embed.FS

// asset is a file that never changes under its name, which bears its hash.
type asset struct {
	name, kind   string
	raw, gzipped []byte
}

// newAsset joins files of ui. They are compiled in, so none is missing.
func newAsset(kind string, files ...string) asset {
	var raw []byte
	for _, file := range files {
		part, err := ui.ReadFile("ui/" + file)
		if err != nil {
			panic(err)
		}
		raw = append(raw, part...)
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b) // a buffer takes everything
	_, _ = z.Write(raw)
	_ = z.Close()
	sum := sha256.Sum256(raw)
	first := path.Base(files[0])
	ext := path.Ext(first)
	return asset{
		name: strings.TrimSuffix(first, ext) + "." + hex.EncodeToString(sum[:6]) + ext,
		kind: kind, raw: raw, gzipped: b.Bytes(),
	}
}

func (a asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", a.kind+"; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("Vary", "Accept-Encoding")
	body := a.raw
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		body = a.gzipped
	}
	_, _ = w.Write(body)
}
