package web

import (
	"embed"
	"io/fs"
)

//go:embed static
var static embed.FS

// Files are the files of the browser application; index.html is its page.
var Files = sub()

func sub() fs.FS {
	files, err := fs.Sub(static, "static")
	if err != nil {
		panic(err) // the name is valid and stands in the directive above
	}
	return files
}
