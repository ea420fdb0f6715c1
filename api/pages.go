package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"time"

	"github.com/labstack/echo/v4"
)

// pages serves the files of the browser application. They are embedded, so everything about them is known at start.
type pages struct{ files map[string]page }

type page struct {
	body []byte
	etag string
}

func newPages(files fs.FS) (*pages, error) {
	p := &pages{files: map[string]page{}}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		p.files[name] = page{body: body, etag: `"` + hex.EncodeToString(sum[:12]) + `"`}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the browser application: %w", err)
	}
	if _, ok := p.files["index.html"]; !ok {
		return nil, errors.New("read the browser application: index.html is missing")
	}
	return p, nil
}

func (p *pages) index(c echo.Context) error { return p.serve(c, "index.html") }

func (p *pages) file(c echo.Context) error { return p.serve(c, c.Param("*")) }

// serve lets a browser keep a file and ask whether it is still the same.
func (p *pages) serve(c echo.Context, name string) error {
	f, ok := p.files[name]
	if !ok {
		return problemf(http.StatusNotFound, "not_found", textNotFound)
	}
	h := c.Response().Header()
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", f.etag)
	if kind, ok := kinds[path.Ext(name)]; ok { // the machine's own table of types may say anything
		h.Set("Content-Type", kind)
	}
	http.ServeContent(c.Response(), c.Request(), name, time.Time{}, bytes.NewReader(f.body))
	return nil
}

var kinds = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".json": "application/json",
	".svg":  "image/svg+xml",
}
