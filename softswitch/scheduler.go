package softswitch

import (
	"context"
	"slices"
	"sync"
	"time"
)

// scheduler runs the dead man's switches: sched_transfer, sched_hangup. FreeSWITCH's has a granularity of one second
// and may fire half a second early (recording 15); this one fires on time.
type scheduler struct {
	mu    sync.Mutex
	next  int
	tasks map[int]*task
	group map[string][]int // numbers of the tasks, by group
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
		s.tasks, s.group = map[int]*task{}, map[string][]int{}
	}
	s.next++
	id := s.next
	t := &task{group: group}
	t.timer = time.AfterFunc(max(delay, 0), func() {
		s.mu.Lock()
		live := s.remove(id)
		s.mu.Unlock()
		if live {
			f()
		}
	})
	s.tasks[id] = t
	s.group[group] = append(s.group[group], id)
	return id
}

// remove takes a task back; false when there is none of that number. Call with mu held.
func (s *scheduler) remove(id int) bool {
	t, ok := s.tasks[id]
	if !ok {
		return false
	}
	t.timer.Stop()
	delete(s.tasks, id)
	rest := slices.DeleteFunc(s.group[t.group], func(n int) bool { return n == id })
	if s.group[t.group] = rest; len(rest) == 0 {
		delete(s.group, t.group)
	}
	return true
}

// deleteGroup takes back every task of a group and says how many there were.
func (s *scheduler) deleteGroup(group string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.Clone(s.group[group])
	for _, id := range all {
		s.remove(id)
	}
	return len(all)
}

// deleteID takes back one task and says how many there were: one or none.
func (s *scheduler) deleteID(id int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.remove(id) {
		return 1
	}
	return 0
}

// run waits for the end and takes back all that is left.
func (s *scheduler) run(ctx context.Context) error {
	<-ctx.Done()
	s.mu.Lock()
	s.ended = true
	for id := range s.tasks {
		s.remove(id)
	}
	s.mu.Unlock()
	return nil
}
