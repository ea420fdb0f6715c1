//go:build race

package media

// limitMemory is off in a program built with the race detector, which itself reserves terabytes of address space.
const limitMemory = false
