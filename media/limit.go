//go:build !race

package media

// limitMemory: the decoding child bounds its memory.
const limitMemory = true
