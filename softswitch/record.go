package softswitch

import (
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"ramal/esl/wire"
	"ramal/media"
)

// recordQueue is how many frames may wait for the disk: 4 s.
const recordQueue = 200

// recording writes one leg's sound to a WAV file: left what the leg is heard saying, right what is said to it
// (stereo), or both mixed (mono). The pump hands frames over and never waits for the disk.
type recording struct {
	path    string
	stereo  bool
	frames  chan [2 * media.FrameSamples]int16
	masked  atomic.Bool
	dropped atomic.Uint64
	written atomic.Int64 // samples per channel
	ended   chan struct{}
	once    sync.Once
	stop    chan struct{}
}

// offer takes 20 ms; what finds no room is counted and lost. The pump calls it.
func (r *recording) offer(heard, said []int16, hasSaid bool) {
	var frame [2 * media.FrameSamples]int16
	if !r.masked.Load() {
		for i := range heard {
			frame[2*i] = heard[i]
			if hasSaid {
				frame[2*i+1] = said[i]
			}
		}
	}
	select {
	case r.frames <- frame:
	default:
		r.dropped.Add(1)
	}
}

func (r *recording) write(w *media.WAVWriter) error {
	mono := make([]int16, media.FrameSamples)
	put := func(frame *[2 * media.FrameSamples]int16) error {
		r.written.Add(media.FrameSamples)
		if r.stereo {
			return w.Write(frame[:])
		}
		for i := range mono {
			mono[i] = int16(max(-32768, min(32767, int(frame[2*i])+int(frame[2*i+1]))))
		}
		return w.Write(mono)
	}
	for {
		select {
		case frame := <-r.frames:
			if err := put(&frame); err != nil {
				return err
			}
		case <-r.stop:
			for {
				select {
				case frame := <-r.frames:
					if err := put(&frame); err != nil {
						return err
					}
				default:
					return nil
				}
			}
		}
	}
}

// recordStart is uuid_record start; it fails where the leg has no sound or the file cannot be made. limit is in
// seconds, 0 for none.
func (l *leg) recordStart(path string, limit int) bool {
	l.mu.Lock()
	_, busy := l.recordings[path]
	stereo, _ := l.vars.get("RECORD_STEREO")
	sound := l.media
	possible := !busy && l.negotiated && sound != nil && l.hung == causeNone
	l.mu.Unlock()
	if !possible || path == "" {
		return false
	}
	file := path
	if !filepath.IsAbs(file) {
		file = filepath.Join(l.sw.cfg.MediaDir, file)
	}
	r := &recording{
		path: path, stereo: isTrue(stereo), frames: make(chan [2 * media.FrameSamples]int16, recordQueue),
		ended: make(chan struct{}), stop: make(chan struct{}),
	}
	channels := 1
	if r.stereo {
		channels = 2
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		l.sw.log.Error("recording cannot begin", "leg", l.uuid, "file", file, "error", err)
		return false
	}
	w, err := media.CreateWAV(file, media.SampleRate, channels)
	if err != nil {
		l.sw.log.Error("recording cannot begin", "leg", l.uuid, "file", file, "error", err)
		return false
	}
	go func() {
		defer close(r.ended)
		err := r.write(w)
		if cerr := w.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			l.sw.log.Error("recording broke off", "leg", l.uuid, "file", file, "error", err)
		}
		if n := r.dropped.Load(); n > 0 {
			l.sw.log.Warn("recording lost frames: the disk is too slow", "leg", l.uuid, "file", file, "frames", n)
		}
	}()
	l.mu.Lock()
	l.recordings[path] = r
	l.fire("RECORD_START", fromRecord, nil, []wire.Header{{Name: "Record-File-Path", Value: path}})
	l.fire("MEDIA_BUG_START", fromBugAdd, nil, bugHeaders(path))
	l.mu.Unlock()
	sound.tap(r)
	if limit > 0 {
		l.sw.sched.add("rec:"+l.uuid, time.Duration(limit)*time.Second, func() { l.recordStop(path) })
	}
	return true
}

func bugHeaders(path string) []wire.Header {
	return []wire.Header{{Name: "Media-Bug-Function", Value: "session_record"}, {Name: "Media-Bug-Target", Value: path}}
}

// recordStop ends one recording, or with "all" every one; false when there is none.
func (l *leg) recordStop(path string) bool {
	l.mu.Lock()
	var ending []*recording
	for name, r := range l.recordings {
		if name == path || path == "all" || path == "" {
			ending = append(ending, r)
			delete(l.recordings, name)
		}
	}
	sound := l.media
	l.mu.Unlock()
	for _, r := range ending {
		if sound != nil {
			sound.untap(r)
		}
		r.once.Do(func() { close(r.stop) })
		<-r.ended
		l.reportRecording(r)
	}
	return len(ending) > 0
}

func (l *leg) reportRecording(r *recording) {
	samples := int(r.written.Load())
	size := samples * 2
	if r.stereo {
		size *= 2
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.vars.set("record_file_size", itoa(size+44))
	l.vars.set("record_samples", itoa(samples))
	l.vars.set("record_seconds", itoa(samples/media.SampleRate))
	l.vars.set("record_ms", itoa(samples*1000/media.SampleRate))
	// FreeSWITCH says success-maxtime whenever somebody else stops the recording (recording 04).
	const completion = "success-maxtime"
	l.vars.set("record_completion_cause", completion)
	l.fire("RECORD_STOP", fromRecordStop, nil, []wire.Header{
		{Name: "Record-File-Path", Value: r.path}, {Name: "Record-Completion-Cause", Value: completion},
	})
	l.fire("MEDIA_BUG_STOP", fromBugDestroy, nil, bugHeaders(r.path))
}

// recordMask puts silence in place of the talk (card numbers), or ends that.
func (l *leg) recordMask(path string, masked bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.recordings[path]
	if ok {
		r.masked.Store(masked)
	}
	return ok
}
