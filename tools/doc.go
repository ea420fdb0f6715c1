// Package tools pins the programs that the build uses but the product does not link; it is a module of its own, so
// that their dependencies stay out of the product's. `make lint` builds them into bin/tools.
package tools
