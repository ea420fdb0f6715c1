package media

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

const (
	maxToneParts = 1000 // of one specification, repetitions by l= and L= counted
	maxToneFreqs = 18   // TELETONE_MAX_TONES
	maxToneMS    = 24 * 3600 * 1000
)

// tonePart is one tone and the silence after it.
type tonePart struct {
	freqs     []float64
	on, off   int     // samples
	volume    float64 // dB, -63 to 0
	decayDir  float64 // -1, 0, 1: what happens to the volume …
	decayStep int     // … every so many samples …
	decayBy   float64 // … by so many dB
}

// Tones plays a tone specification; it computes sound as it is read.
type Tones struct {
	parts []tonePart
	loops int // rounds left after the current one; negative: for ever
	all   int

	part, at   int
	phase      [maxToneFreqs]float64
	volume     float64
	sinceDecay int
}

var dtmfTones = map[byte][]float64{
	'1': {697, 1209}, '2': {697, 1336}, '3': {697, 1477}, 'A': {697, 1633},
	'4': {770, 1209}, '5': {770, 1336}, '6': {770, 1477}, 'B': {770, 1633},
	'7': {852, 1209}, '8': {852, 1336}, '9': {852, 1477}, 'C': {852, 1633},
	'*': {941, 1209}, '0': {941, 1336}, '#': {941, 1477}, 'D': {941, 1633},
}

// toneParser holds libteletone's state while a specification is read (teletone_run in libteletone_generate.c).
type toneParser struct {
	duration, wait int // milliseconds
	cur            tonePart
	repeat, rounds int
	parts          []tonePart
}

// ParseTones reads FreeSWITCH's tone_stream argument: tones %(on,off,f1,f2…) in milliseconds and hertz and the DTMF
// letters, settings v= (dB) d= w= (ms) >= <= (ms between changes of volume) += (dB per change) l= (repeat the next
// tone) L= (repeat all), separated by ';', and ;loops=N at the end (-1 for ever). Unlike FreeSWITCH, which plays what
// it could read, it refuses what it cannot read.
func ParseTones(spec string) (*Tones, error) {
	t := &Tones{}
	for at := range len(spec) {
		if rest := spec[at:]; len(rest) < 7 || !strings.EqualFold(rest[:7], ";loops=") {
			continue
		}
		n, err := strconv.Atoi(strings.TrimSpace(spec[at+7:]))
		if err != nil {
			return nil, fmt.Errorf("tone_stream %q: loops: %w", spec, err)
		}
		t.loops, spec = n, spec[:at]
		break
	}
	// switch_buffer.c: loops counts down at each end and 0 stops, so 0 and 1 are both one round.
	if t.loops > 0 {
		t.loops--
	}
	p := toneParser{duration: 250, wait: 62, rounds: 1, cur: tonePart{volume: -7, decayBy: 1}}
	for field := range strings.SplitSeq(spec, ";") {
		if err := p.field(strings.TrimSpace(field)); err != nil {
			return nil, fmt.Errorf("tone_stream %q: %w", spec, err)
		}
	}
	if len(p.parts) == 0 {
		return nil, fmt.Errorf("tone_stream %q: no tone", spec)
	}
	if len(p.parts)*p.rounds > maxToneParts {
		return nil, fmt.Errorf("tone_stream %q: more than %d tones", spec, maxToneParts)
	}
	for range p.rounds {
		t.parts = append(t.parts, p.parts...)
	}
	t.all = t.loops
	t.begin()
	return t, nil
}

func (p *toneParser) field(s string) error {
	if len(s) >= 2 && s[1] == '=' {
		return p.setting(s[0], strings.TrimSpace(s[2:]))
	}
	for s = strings.TrimLeft(s, " \r\n"); s != ""; s = strings.TrimLeft(s, " \r\n") {
		part := p.cur
		part.on, part.off = samplesOf(p.duration), samplesOf(p.wait)
		letter, rest := s[0], s[1:]
		part.freqs = dtmfTones[letter]
		if strings.HasPrefix(rest, "(") {
			inner, after, ok := strings.Cut(rest[1:], ")")
			if !ok {
				return fmt.Errorf("%q is not closed", s)
			}
			rest = after
			if err := part.fill(strings.Split(inner, ","), letter); err != nil {
				return err
			}
		}
		if part.freqs == nil {
			return fmt.Errorf("unknown tone %q", letter)
		}
		for range max(p.repeat, 1) {
			p.parts = append(p.parts, part)
		}
		p.repeat = 0
		if len(p.parts) > maxToneParts {
			return fmt.Errorf("more than %d tones", maxToneParts)
		}
		s = rest
	}
	return nil
}

func samplesOf(ms int) int { return ms * SampleRate / 1000 }

// fill reads (on,off,f1,f2…); only % takes frequencies, a DTMF letter takes times alone.
func (t *tonePart) fill(args []string, letter byte) error {
	freqs := args[min(2, len(args)):]
	if (letter == '%') != (len(freqs) > 0) || len(freqs) > maxToneFreqs || len(args) < 2 {
		return fmt.Errorf("%c(%s): want %%(on,off,frequency,…)", letter, strings.Join(args, ","))
	}
	for i, to := range []*int{&t.on, &t.off} {
		ms, err := strconv.Atoi(strings.TrimSpace(args[i]))
		if err != nil || ms < 0 || ms > maxToneMS {
			return fmt.Errorf("%q is no time in milliseconds", args[i])
		}
		*to = samplesOf(ms)
	}
	for _, a := range freqs {
		f, err := strconv.ParseFloat(strings.TrimSpace(a), 64)
		if err != nil || !(f > 0 && f <= SampleRate/2) {
			return fmt.Errorf("%q is no frequency up to 4000 Hz", a)
		}
		t.freqs = append(t.freqs, f)
	}
	return nil
}

func (p *toneParser) setting(name byte, value string) error {
	v, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsNaN(v) || math.Abs(v) > maxToneMS {
		return fmt.Errorf("%c=%q is no number", name, value)
	}
	switch name {
	case 'v':
		if v <= 0 && v >= -63 { // TELETONE_VOL_DB_MIN … MAX; others are ignored there too
			p.cur.volume = v
		}
	case 'd':
		p.duration = max(int(v), 0)
	case 'w':
		p.wait = max(int(v), 0)
	case '>', '<':
		p.cur.decayStep, p.cur.decayDir = samplesOf(int(v)), -1
		if name == '<' {
			p.cur.decayDir = 1
		}
	case '+':
		p.cur.decayBy = v
	case 'l', 'L':
		if v < 1 || v > maxToneParts {
			return fmt.Errorf("%c=%s: want 1 to %d", name, value, maxToneParts)
		}
		if name == 'l' {
			p.repeat = int(v)
		} else if p.rounds == 1 {
			p.rounds = int(v)
		}
	case 'r', 'c':
		if (name == 'r' && v != SampleRate) || (name == 'c' && v != 1) {
			return fmt.Errorf("%c=%s: only 8000 Hz mono", name, value)
		}
	default:
		return fmt.Errorf("unknown setting %c=", name)
	}
	return nil
}

func (t *Tones) begin() {
	t.at, t.sinceDecay = 0, 0
	t.phase = [maxToneFreqs]float64{}
	t.volume = t.parts[t.part].volume
}

// Rewind starts again from the first tone with all rounds.
func (t *Tones) Rewind() error {
	t.part, t.loops = 0, t.all
	t.begin()
	return nil
}

// EndRound tells whether a round of the specification was just finished, without sound in between (endless_playback
// reports each round as a playback of its own).
func (t *Tones) EndRound() bool { return t.part == 0 && t.at == 0 }

// ReadFrame computes the next samples.
func (t *Tones) ReadFrame(dst []int16) (int, error) {
	dst = dst[:min(len(dst), FrameSamples)]
	for i := range dst {
		for empty := 0; t.at >= t.parts[t.part].on+t.parts[t.part].off; empty++ {
			if !t.nextPart() || empty > len(t.parts) {
				if i == 0 {
					return 0, io.EOF
				}
				return i, nil
			}
		}
		dst[i] = t.sample()
		t.at++
	}
	return len(dst), nil
}

func (t *Tones) nextPart() bool {
	if t.part+1 < len(t.parts) {
		t.part++
		t.begin()
		return true
	}
	if t.loops == 0 {
		return false
	}
	if t.loops > 0 {
		t.loops--
	}
	t.part = 0
	t.begin()
	return true
}

func (t *Tones) sample() int16 {
	p := &t.parts[t.part]
	if t.at >= p.on {
		return 0
	}
	if p.decayDir != 0 {
		if t.sinceDecay++; t.sinceDecay >= p.decayStep {
			if v := t.volume + p.decayDir*p.decayBy; v <= 0 && v >= -63 {
				t.volume, t.sinceDecay = v, 0
			}
		}
	}
	sum := 0.0
	for i, f := range p.freqs {
		sum += math.Sin(2 * math.Pi * t.phase[i])
		_, t.phase[i] = math.Modf(t.phase[i] + f/SampleRate)
	}
	// teletone_dds_state_set_tx_level: 6.16 dB is the level of the loudest sine; the tones share it.
	amp := math.Pow(10, (t.volume-6.16)/20) * 32767 * math.Sqrt2
	return int16(math.Round(sum * amp / float64(len(p.freqs))))
}
