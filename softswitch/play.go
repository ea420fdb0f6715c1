package softswitch

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"ramal/esl/wire"
	"ramal/media"
)

// playResult is how a sound ended.
type playResult uint8

const (
	playDone    playResult = iota // to its end
	playBreak                     // uuid_break or a terminator digit
	playStopped                   // the leg was hung up, transferred or bridged
	playMissing                   // there is no such file, or it is no sound
)

// playback is the application: one file or stream; digits are reported as they come.
func (l *leg) playback(name string) {
	name, _, _ = strings.Cut(name, "@@")
	result := l.playFile(name, true)
	response := "FILE PLAYED"
	switch {
	case result == playMissing:
		response = "FILE NOT FOUND"
	case result == playStopped && !(strings.HasPrefix(name, "local_stream://") && !l.isUp()):
		// FreeSWITCH calls a local_stream that a hang-up ended played, and anything else an error (recordings 15, 22).
		response = "PLAYBACK ERROR"
	}
	l.setVar("current_application_response", response)
}

func (l *leg) isUp() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hung == causeNone
}

// endlessPlayback repeats the sound, with events for each round, until the leg is moved or hung up; uuid_break ends
// one round only. Digits wait until it is over (recording 02).
func (l *leg) endlessPlayback(name string) {
	result := playDone
	for l.alive() {
		if result = l.playFile(name, false); result == playStopped || result == playMissing {
			break
		}
	}
	response := "FILE PLAYED"
	switch result {
	case playMissing:
		response = "FILE NOT FOUND"
	case playStopped:
		response = "PLAYBACK ERROR"
	}
	l.setVar("current_application_response", response)
}

func (l *leg) playFile(name string, digits bool) playResult {
	source, err := l.sw.openSound(name)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			l.sw.log.Warn("sound cannot be played", "leg", l.uuid, "sound", name, "error", err)
		}
		return playMissing
	}
	defer media.CloseSource(source)
	about := []wire.Header{}
	for _, kind := range [...]string{"local_stream", "tone_stream"} {
		if strings.HasPrefix(name, kind+"://") {
			about = add(about, "Playback-File-Type", kind)
		}
	}
	about = add(about, "Playback-File-Path", name)
	l.mu.Lock()
	if l.media == nil {
		l.mu.Unlock()
		return playStopped
	}
	stream := l.media
	l.fire("PLAYBACK_START", fromPlay, nil, about)
	l.mu.Unlock()

	p := stream.play(source)
	result := l.waitPlayed(p, digits)
	stream.stop(p)

	played := p.samples()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.vars.set("playback_last_offset_pos", itoa(played))
	l.vars.set("playback_seconds", itoa(played/media.SampleRate))
	l.vars.set("playback_ms", itoa(played*1000/media.SampleRate))
	l.vars.set("playback_samples", itoa(played))
	status := "done"
	if result == playBreak {
		status = "break"
	}
	l.fire("PLAYBACK_STOP", fromPlay, nil, add(about, "Playback-Status", status))
	return result
}

// waitPlayed waits for the end of a sound; what is sent to the leg runs meanwhile, unless event-lock forbids it.
func (l *leg) waitPlayed(p *player, digits bool) playResult {
	for {
		l.mu.Lock()
		up, broken := l.ready(), l.breaking
		if up {
			l.breaking = false
		}
		l.mu.Unlock()
		switch {
		case !up:
			return playStopped
		case broken:
			return playBreak
		case p.ended():
			return playDone
		}
		l.runQueue(true)
		if digits && l.terminated() {
			return playBreak
		}
		l.await(p.done)
	}
}

// terminated reports the digits that came and tells whether one of them ends a playback ("*" unless
// playback_terminators says otherwise).
func (l *leg) terminated() bool {
	for {
		d, ok := l.takeDigit()
		if !ok {
			return false
		}
		l.mu.Lock()
		terminators, set := l.vars.get("playback_terminators")
		switch {
		case !set:
			terminators = "*"
		case strings.EqualFold(terminators, "none"):
			terminators = ""
		case strings.EqualFold(terminators, "any"):
			terminators = "0123456789*#ABCD"
		}
		hit := strings.IndexByte(terminators, d.char) >= 0
		if hit {
			l.vars.set("playback_terminator_used", string(d.char))
		}
		l.mu.Unlock()
		if hit {
			return true
		}
	}
}

// openSound opens a file below the media directory, a tone, silence, or local_stream://name as endless system music.
func (sw *Switch) openSound(name string) (media.Source, error) {
	if strings.HasPrefix(name, "local_stream://") {
		source, err := media.OpenWAV(filepath.Join(sw.cfg.MediaDir, "system", "hold1.wav"))
		if errors.Is(err, fs.ErrNotExist) {
			// A switch without music is silent there: a stream never ends.
			return media.Silence(0), nil
		}
		if err != nil {
			return nil, err
		}
		return media.Loop(source), nil
	}
	return media.OpenSource(sw.cfg.MediaDir, name)
}
