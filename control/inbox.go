package control

import (
	"context"
	"sync"
)

// inbox is a bounded mailbox with any number of writers and one reader. Writers never wait.
type inbox[T any] struct {
	mu    sync.Mutex
	items []T
	limit int
	wake  chan struct{}
}

func newInbox[T any](limit int) *inbox[T] {
	return &inbox[T]{limit: limit, wake: make(chan struct{}, 1)}
}

// put appends a value; false means that the inbox is full and the value was not taken.
func (b *inbox[T]) put(v T) bool {
	b.mu.Lock()
	if len(b.items) >= b.limit {
		b.mu.Unlock()
		return false
	}
	b.items = append(b.items, v)
	b.mu.Unlock()
	b.poke()
	return true
}

// poke wakes the reader without a value.
func (b *inbox[T]) poke() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// len returns how many values wait.
func (b *inbox[T]) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.items)
}

// take waits for values, or a poke, and returns all there are, in order. spare is an emptied slice to reuse. The
// error is the context's.
func (b *inbox[T]) take(ctx context.Context, spare []T) ([]T, error) {
	select {
	case <-b.wake:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	got := b.items
	clear(spare[:cap(spare)])
	b.items = spare[:0]
	return got, nil
}
