package media

import (
	"fmt"
	"strings"
)

// RejectCode says why an uploaded sound was not taken.
type RejectCode string

// The reasons for refusing an upload.
const (
	RejectNotAudio  RejectCode = "not_audio"  // neither WAV nor MP3 by content
	RejectFormat    RejectCode = "wrong_kind" // a WAV or MP3, but not of the accepted kind
	RejectDamaged   RejectCode = "damaged"    // looks like one and cannot be read
	RejectTooLarge  RejectCode = "too_large"  // more than MaxUpload bytes
	RejectEmpty     RejectCode = "empty"      // no sound in it
	RejectResources RejectCode = "too_costly" // reading it took more time or memory than allowed
	RejectTool      RejectCode = "no_decoder" // a program of the system is needed and absent
)

// MaxUpload is the largest accepted file in bytes.
const MaxUpload = 10 << 20

// AudioFacts is what was found in an uploaded file. Unknown values are zero.
type AudioFacts struct {
	Kind        string  `json:"kind,omitempty"`  // WAV, MP3
	Codec       string  `json:"codec,omitempty"` // PCM, A-law …, or the MPEG layer
	Rate        int     `json:"rate,omitempty"`  // Hz
	Bits        int     `json:"bits,omitempty"`  // per sample
	Channels    int     `json:"channels,omitempty"`
	BitrateKbps int     `json:"bitrate_kbps,omitempty"`
	Variable    bool    `json:"variable,omitempty"` // the bit rate varies; BitrateKbps is its mean
	Bytes       int64   `json:"bytes,omitempty"`
	Seconds     float64 `json:"seconds,omitempty"`
}

// RejectedError is an upload that was not taken. Error is English; Text words it for people.
type RejectedError struct {
	Code   RejectCode `json:"code"`
	Found  AudioFacts `json:"found"`
	Detail string     `json:"detail,omitempty"` // for the log and the tooltip, English
}

func (e *RejectedError) Error() string {
	if e.Detail == "" {
		return e.Text("en")
	}
	return e.Text("en") + " (" + e.Detail + ")"
}

type rejectWords struct {
	reasons   map[RejectCode]string
	found     string
	accepted  string
	variable  string
	mono, two string
	channels  string
	point     string // decimal separator
}

var rejectText = map[bool]rejectWords{
	true: {
		reasons: map[RejectCode]string{
			RejectNotAudio: "O arquivo não é um áudio WAV nem MP3.", RejectFormat: "O formato deste áudio não é aceito.",
			RejectDamaged:   "O arquivo está danificado e não pode ser lido.",
			RejectTooLarge:  "O arquivo é grande demais: o limite é de 10 MB.",
			RejectEmpty:     "O arquivo não contém som.",
			RejectResources: "A leitura do arquivo exigiu tempo ou memória demais.",
			RejectTool:      "Falta no servidor um programa para ler este tipo de áudio: instale o ffmpeg.",
		},
		found: "Encontrado: ", accepted: "São aceitos: WAV 8 kHz, 16 bits, mono, ou MP3 de 128 kbit/s constantes.",
		variable: "variável, em média", mono: "mono", two: "estéreo", channels: "canais", point: ",",
	},
	false: {
		reasons: map[RejectCode]string{
			RejectNotAudio: "The file is neither WAV nor MP3 sound.", RejectFormat: "This kind of sound is not accepted.",
			RejectDamaged:   "The file is damaged and cannot be read.",
			RejectTooLarge:  "The file is too large: the limit is 10 MB.",
			RejectEmpty:     "There is no sound in the file.",
			RejectResources: "Reading the file took too much time or memory.",
			RejectTool:      "The server lacks a program to read this kind of sound: install ffmpeg.",
		},
		found: "Found: ", accepted: "Accepted: WAV 8 kHz, 16 bits, mono, or MP3 at a constant 128 kbit/s.",
		variable: "variable, on average", mono: "mono", two: "stereo", channels: "channels", point: ".",
	},
}

// Text says in Portuguese (lang beginning with "pt") or English what was found and what is accepted.
func (e *RejectedError) Text(lang string) string {
	words := rejectText[strings.HasPrefix(strings.ToLower(lang), "pt")]
	parts := []string{words.reasons[e.Code]}
	if found := e.Found.text(words); found != "" {
		parts = append(parts, words.found+found+".")
	}
	if e.Code != RejectTool {
		parts = append(parts, words.accepted)
	}
	return strings.Join(parts, " ")
}

func (f AudioFacts) text(w rejectWords) string {
	if f.Kind == "" {
		return ""
	}
	parts := []string{strings.TrimSpace(f.Kind + " " + f.Codec)}
	if f.Rate > 0 {
		khz := strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.3f", float64(f.Rate)/1000), "0"), ".")
		parts = append(parts, strings.Replace(khz, ".", w.point, 1)+" kHz")
	}
	if f.Bits > 0 {
		parts = append(parts, fmt.Sprintf("%d bits", f.Bits))
	}
	switch {
	case f.Channels == 1:
		parts = append(parts, w.mono)
	case f.Channels == 2:
		parts = append(parts, w.two)
	case f.Channels > 2:
		parts = append(parts, fmt.Sprintf("%d %s", f.Channels, w.channels))
	}
	if f.BitrateKbps > 0 && f.Variable {
		parts = append(parts, fmt.Sprintf("%s %d kbit/s", w.variable, f.BitrateKbps))
	} else if f.BitrateKbps > 0 {
		parts = append(parts, fmt.Sprintf("%d kbit/s", f.BitrateKbps))
	}
	return strings.Join(parts, ", ")
}
