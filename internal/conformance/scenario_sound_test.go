package conformance

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"ramal/media"
)

// sound reads a file below the site's media directory.
func (s *stage) sound(name string) []int16 {
	s.Helper()
	samples, err := media.ReadWAV(filepath.Join(s.site.Media, filepath.FromSlash(name)))
	s.must(err)
	return samples
}

// prompt reads the sound of a node of the demonstration's flow: the published document says which file it is.
func (s *stage) prompt(node string) []int16 {
	s.Helper()
	rows := s.sql(`SELECT document->'nodes'->$1->'prompt'->>'file' FROM ivr_flow_version WHERE status = 'published'
		ORDER BY version DESC LIMIT 1`, node)
	if len(rows) != 1 {
		s.Fatalf("no published flow with a prompt at %s", node)
	}
	return s.sound(rows[0][0])
}

// piece is what sounds are compared by: each piece is looked for on its own, so that a frame that a loaded machine lost
// between two pieces does not spoil both.
const piece = media.SampleRate / 2

// match is how like a whole sound is to what was heard.
type match struct {
	all    float64 // correlation of the whole, each piece at its best place
	worst  float64 // of a single piece
	good   int     // pieces with at least the likeness
	pieces int
	start  int // where in what was heard the sound begins, by its first piece; -1: not found
}

func (m match) String() string {
	return fmt.Sprintf("correlation %.2f, worst piece %.2f, %d of %d pieces recognised", m.all, m.worst, m.good, m.pieces)
}

// recognised says whether the sound was heard: the whole correlates with at least the likeness, and two of three pieces
// do. A virtual machine that stands still for a moment spoils a piece, and some sounds have only three.
func (m match) recognised() bool { return m.pieces > 0 && m.all >= likeness && 3*m.good >= 2*m.pieces }

// compare looks for a sound in what was heard. Pieces of silence in the sound are left out.
func compare(heard, sound []int16) match {
	m := match{worst: 1, start: -1}
	var product, energies float64
	for at := 0; at+piece <= len(sound); at += piece {
		part := sound[at : at+piece]
		if media.LevelDBFS(part) < -45 || len(heard) < len(part) {
			continue
		}
		r, lag := media.NormalizedCrossCorrelation(heard, part)
		if m.start < 0 && r >= likeness {
			m.start = lag - at
		}
		energy := media.Power(part)
		product, energies = product+r*energy, energies+energy
		m.worst = math.Min(m.worst, r)
		m.pieces++
		if r >= likeness {
			m.good++
		}
	}
	if energies > 0 {
		m.all = product / energies
	}
	return m
}

// looped looks for what was heard in a sound that is played over and over: the pieces of what was heard must be in it.
func looped(heard, sound []int16) match {
	return compare(append(sound[:len(sound):len(sound)], sound[:min(len(sound), 2*media.SampleRate)]...), heard)
}

// dBOver says how far a tone is over everything else, in dB; minus infinity where there is hardly a sound at all
// (A-law's silence is a constant, over which any tone is far).
func dBOver(samples []int16, tone float64) float64 {
	if !(media.LevelDBFS(samples) > -45) {
		return math.Inf(-1)
	}
	return media.ToneOverRest(samples, media.SampleRate, tone)
}

// stereo reads a 16-bit stereo WAV of the telephone's rate.
func stereo(path string) (left, right []int16, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	info, err := media.WalkWAV(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, nil, err
	}
	if info.Channels != 2 || info.Bits != 16 || info.Rate != media.SampleRate {
		return nil, nil, fmt.Errorf("%s is %+v", path, info)
	}
	for data := content[info.DataAt : info.DataAt+info.DataSize]; len(data) >= 4; data = data[4:] {
		left = append(left, int16(binary.LittleEndian.Uint16(data)))
		right = append(right, int16(binary.LittleEndian.Uint16(data[2:])))
	}
	return left, right, nil
}

func TestASoundIsRecognisedOnlyWhereItWasHeard(t *testing.T) {
	music, other := media.HoldMusic(1), media.HoldMusic(2)
	heard := append(make([]int16, 5000), music[8000:8000*5]...)
	if m := compare(heard, music[8000:8000*4]); !m.recognised() || m.start != 5000 {
		t.Errorf("the same: %v at %d", m, m.start)
	}
	if m := compare(heard, other[8000:8000*4]); m.recognised() {
		t.Errorf("another: %v", m)
	}
	if m := compare(make([]int16, 40000), music[8000:8000*4]); m.recognised() {
		t.Errorf("silence: %v", m)
	}
	silence := make([]int16, 8000)
	for i := range silence {
		silence[i] = 8
	}
	if over := dBOver(silence, agentTone); over >= clarity {
		t.Errorf("silence is a tone %.0f dB over the rest", over)
	}
}
