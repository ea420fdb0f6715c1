package control

import (
	"time"

	"ramal/call"
)

// timers keeps the named timers of one owner. Only the owner's goroutine touches it; a timer that runs out puts a
// firing into the owner's inbox, which must hand it to due before use.
type timers struct {
	fire    func(firing)
	running map[string]*timer
	count   uint64
}

type timer struct {
	t   *time.Timer
	gen uint64
}

// firing is a timer that ran out, unless it was stopped or replaced meanwhile.
type firing struct {
	name string
	gen  uint64
}

func newTimers(fire func(firing)) *timers { return &timers{fire: fire, running: map[string]*timer{}} }

func (t *timers) start(name string, after time.Duration) {
	t.stop(name)
	t.count++
	f := firing{name, t.count}
	t.running[name] = &timer{t: time.AfterFunc(after, func() { t.fire(f) }), gen: f.gen}
}

func (t *timers) stop(name string) {
	if old := t.running[name]; old != nil {
		old.t.Stop()
		delete(t.running, name)
	}
}

func (t *timers) stopAll() {
	for name := range t.running {
		t.stop(name)
	}
}

// due turns a firing into its event; false when the timer was stopped or replaced meanwhile.
func (t *timers) due(f firing, now time.Time) (call.TimerFired, bool) {
	cur := t.running[f.name]
	if cur == nil || cur.gen != f.gen {
		return call.TimerFired{}, false
	}
	delete(t.running, f.name)
	return call.TimerFired{Stamp: call.Stamp{At: now}, Timer: f.name}, true
}
