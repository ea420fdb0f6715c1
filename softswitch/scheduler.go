package softswitch

import (
	"context"
	"sync"
	"time"
)

// scheduler runs the dead man's switches: sched_transfer, sched_hangup. FreeSWITCH's has a granularity of one second
// and may fire half a second early (recording 15); this one fires on time.
type scheduler struct {
	mu    sync.Mutex
	next  int
	tasks map[int]*task
	ended bool
}

type task struct {
	group string
	timer *time.Timer
}

// add runs f after delay, once, unless its group or number is deleted first.
func (s *scheduler) add(group string, delay time.Duration, f func()) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return 0
	}
	if s.tasks == nil {
		s.tasks = map[int]*task{}
	}
	s.next++
	id := s.next
	t := &task{group: group}
	t.timer = time.AfterFunc(max(delay, 0), func() {
		s.mu.Lock()
		_, live := s.tasks[id]
		delete(s.tasks, id)
		s.mu.Unlock()
		if live {
			f()
		}
	})
	s.tasks[id] = t
	return id
}

// deleteGroup takes back every task of a group and says how many there were.
func (s *scheduler) deleteGroup(group string) int {
	return s.delete(func(_ int, t *task) bool { return t.group == group })
}

// deleteID takes back one task.
func (s *scheduler) deleteID(id int) int {
	return s.delete(func(n int, _ *task) bool { return n == id })
}

func (s *scheduler) delete(match func(int, *task) bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	count := 0
	for id, t := range s.tasks {
		if match(id, t) {
			t.timer.Stop()
			delete(s.tasks, id)
			count++
		}
	}
	return count
}

// run waits for the end and takes back all that is left.
func (s *scheduler) run(ctx context.Context) error {
	<-ctx.Done()
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.delete(func(int, *task) bool { return true })
	return nil
}
