package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
)

// ErrStopping is the cause of a task's context when its group is being stopped.
var ErrStopping = errors.New("stopping")

// PanicError is what Wait reports when a task panicked. Its text carries the stack.
type PanicError struct {
	Task  string // name given to Go
	Value any    // what was passed to panic
	Stack []byte // stack of the goroutine that panicked
}

// Error names the task and the value, followed by the stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("%s panicked: %v\n%s", e.Task, e.Value, e.Stack)
}

// Group runs named functions and stops them in the reverse order of their start.
//
//	running ──Stop, a task's error or panic, parent's end──► stopping ──last task back──► done
//
// A task that returns nil leaves the group quietly; the others go on. The zero value is not usable: see New.
type Group struct {
	base context.Context // carries the parent's values, not its end
	done chan struct{}   // closed when stopped and empty

	mu       sync.Mutex
	unhook   func() bool // takes the group off its parent
	tasks    []*task     // running, in the order of their start
	stopping bool
	err      error // first failure
}

type task struct {
	name   string
	cancel context.CancelCauseFunc
	ended  chan struct{}
}

// New makes an empty group. The end of parent stops the group, in order; parent's values reach the tasks.
func New(parent context.Context) *Group {
	g := &Group{base: context.WithoutCancel(parent), done: make(chan struct{})}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.unhook = context.AfterFunc(parent, g.begin)
	return g
}

// Go runs f in a goroutine of its own. f must return soon after its context ends. An error other than the
// context's, or a panic, stops the whole group. When the group is already stopping, f is not run and Go
// reports false.
func (g *Group) Go(name string, f func(ctx context.Context) error) bool {
	ctx, cancel := context.WithCancelCause(g.base)
	t := &task{name: name, cancel: cancel, ended: make(chan struct{})}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopping {
		cancel(ErrStopping)
		return false
	}
	g.tasks = append(g.tasks, t)
	go g.run(ctx, t, f)
	return true
}

// Stop ends the tasks one by one, the last started first, and returns when all are back. When ctx ends earlier, the
// rest is cancelled at once and the error names those that are still running. The result is the first failure
// of a task, if any, joined with that.
func (g *Group) Stop(ctx context.Context) error {
	g.begin()
	select {
	case <-g.done:
		return g.failure()
	case <-ctx.Done():
	}
	g.mu.Lock()
	var left []string
	for _, t := range g.tasks {
		t.cancel(ErrStopping)
		left = append(left, t.name)
	}
	g.mu.Unlock()
	if len(left) == 0 {
		<-g.done // the last one has just come back
		return g.failure()
	}
	return errors.Join(g.failure(), fmt.Errorf("stop: still running: %s: %w", strings.Join(left, ", "), ctx.Err()))
}

// Wait blocks until the group has been stopped and every task is back; it returns the first failure. It does not stop
// the group.
func (g *Group) Wait() error {
	<-g.done
	return g.failure()
}

// Done is closed when the group has been stopped and every task is back.
func (g *Group) Done() <-chan struct{} { return g.done }

func (g *Group) run(ctx context.Context, t *task, f func(context.Context) error) {
	err := call(ctx, t.name, f)
	t.cancel(nil)
	g.mu.Lock()
	for i, other := range g.tasks {
		if other == t {
			g.tasks = append(g.tasks[:i], g.tasks[i+1:]...)
			break
		}
	}
	failed := err != nil && !(g.stopping && isEnd(err))
	if failed && g.err == nil {
		g.err = err
	}
	g.mu.Unlock()
	close(t.ended)
	if failed {
		g.begin()
	}
}

// begin starts the ordered stop once.
func (g *Group) begin() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopping {
		return
	}
	g.stopping = true
	go g.unwind()
}

func (g *Group) unwind() {
	defer close(g.done)
	for {
		g.mu.Lock()
		if len(g.tasks) == 0 {
			g.unhook()
			g.mu.Unlock()
			return
		}
		last := g.tasks[len(g.tasks)-1]
		g.mu.Unlock()
		last.cancel(ErrStopping)
		<-last.ended
	}
}

func (g *Group) failure() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

// call runs f; a panic becomes an error. A runtime.Goexit in f (t.FailNow in a test) ends the task without one.
func call(ctx context.Context, name string, f func(context.Context) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Task: name, Value: v, Stack: debug.Stack()}
		}
	}()
	if err := f(ctx); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// isEnd says whether err is only the echo of a task's context having ended.
func isEnd(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, ErrStopping)
}
