package media

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func self(mode string) Decoder { return Decoder{Self: os.Args[0], Args: []string{"child", mode}} }

// encodeMP3 makes an MP3 of a tone with ffmpeg and libmp3lame.
func encodeMP3(t *testing.T, freq float64, seconds int, args ...string) []byte {
	t.Helper()
	needTool(t, "ffmpeg", "ffmpeg")
	out := filepath.Join(t.TempDir(), "a.mp3")
	cmd := exec.Command("ffmpeg", append(append([]string{"-v", "error", "-f", "s16le", "-ar", "8000", "-ac", "1", "-i",
		"pipe:0"},
		args...), out)...)
	cmd.Stdin = bytes.NewReader(rawBytes(tone(freq, 3000, seconds*SampleRate)))
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, msg)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// lowRate128 makes an MPEG 2.5 file of 128 kbit/s, which LAME does not: frames of 64 kbit/s without a bit reservoir,
// padded.
func lowRate128(t *testing.T) []byte {
	t.Helper()
	data, err := skipID3(encodeMP3(t, 440, 4, "-ar", "8000", "-b:a", "64k", "-reservoir", "0", "-write_xing", "0"))
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	for len(data) >= 576 {
		h, ok := parseMP3Header(data)
		if !ok || h.kbps != 64 || h.version != 0 || h.size != 576 {
			t.Fatalf("unexpected frame %+v %v", h, ok)
		}
		frame := append(append([]byte(nil), data[:576]...), make([]byte, 576)...)
		frame[2] = frame[2]&0x0F | 12<<4
		out, data = append(out, frame...), data[576:]
	}
	return out
}

func TestAcceptedUploadsBecomeTelephoneSoundAtOneLevel(t *testing.T) {
	id3 := append([]byte("ID3\x04\x00\x00\x00\x00\x10\x00"), make([]byte, 2048)...)
	for name, data := range map[string][]byte{
		"WAV":                 EncodeWAV(tone(440, 3000, 4*SampleRate), SampleRate, 1),
		"MP3 44.1 kHz stereo": encodeMP3(t, 440, 4, "-ar", "44100", "-ac", "2", "-b:a", "128k"),
		"MP3 24 kHz":          encodeMP3(t, 440, 4, "-ar", "24000", "-b:a", "128k"),
		"MP3 behind ID3":      append(id3, encodeMP3(t, 440, 4, "-ar", "48000", "-b:a", "128k")...),
		"MP3 of 8 kHz":        lowRate128(t),
	} {
		out := filepath.Join(t.TempDir(), "out.wav")
		got, err := self("decode").Decode(context.Background(), writeFile(t, "upload", data), out)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		samples, err := ReadWAV(out)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := got.Duration(); d < 3900*time.Millisecond || d > 4300*time.Millisecond || len(samples) != got.Samples {
			t.Errorf("%s: %v, %d samples in the file", name, d, len(samples))
		}
		if snr := ToneOverRest(samples[8000:24000], SampleRate, 440); snr < 25 {
			t.Errorf("%s: the tone is %.1f dB over the rest", name, snr)
		}
		loud, err := measureLoudness(context.Background(), samples)
		if err != nil || !got.Leveled || math.Abs(loud.integrated-targetLUFS) > 0.7 {
			t.Errorf("%s: %.1f LUFS %v, want %.0f", name, loud.integrated, err, targetLUFS)
		}
	}
}

func TestRefusedUploadsSayWhatWasFoundAndWhatIsAccepted(t *testing.T) {
	hang, err := os.ReadFile("testdata/hang.wav")
	if err != nil {
		t.Fatal(err)
	}
	killer := append([]byte("ID3\x03\x00\x00\x7F\x7F\x7F\x7F"), make([]byte, 3000)...) // 256 MB claimed by 3 KB
	for name, c := range map[string]struct {
		data   []byte
		code   RejectCode
		pt, en string
	}{
		"text":       {[]byte("<html>no sound</html>"), RejectNotAudio, "não é um áudio", "neither WAV nor MP3"},
		"nothing":    {nil, RejectNotAudio, "não é um áudio", "neither"},
		"hang.wav":   {hang, RejectDamaged, "danificado", "damaged"},
		"ID3 killer": {killer, RejectDamaged, "danificado", "damaged"},
		"stereo 44.1 kHz": {EncodeWAV(make([]int16, 8000), 44100, 2), RejectFormat,
			"Encontrado: WAV PCM, 44,1 kHz, 16 bits, estéreo. São aceitos: WAV 8 kHz",
			"Found: WAV PCM, 44.1 kHz, 16 bits, stereo."},
		"MP3 64 kbit/s": {encodeMP3(t, 440, 2, "-ar", "44100", "-b:a", "64k"), RejectFormat,
			"44,1 kHz, mono, 64 kbit/s", "64 kbit/s"},
		"MP3 variable": {encodeMP3(t, 440, 2, "-ar", "44100", "-q:a", "4"), RejectFormat, "variável, em média",
			"variable, on average"},
		"too large":         {make([]byte, MaxUpload+1), RejectTooLarge, "10 MB", "10 MB"},
		"WAV without sound": {EncodeWAV(nil, SampleRate, 1), RejectEmpty, "não contém som", "no sound"},
	} {
		out := filepath.Join(t.TempDir(), "out.wav")
		began := time.Now()
		_, err := self("decode").Decode(context.Background(), writeFile(t, "upload", c.data), out)
		var refused *RejectedError
		if !errors.As(err, &refused) {
			t.Errorf("%s: %v, want a RejectedError", name, err)
			continue
		}
		if refused.Code != c.code || !strings.Contains(refused.Text("pt-BR"), c.pt) || !strings.Contains(refused.Text("en"),
			c.en) {
			t.Errorf("%s: %s\n%s\n%s", name, refused.Code, refused.Text("pt-BR"), refused.Text("en"))
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: refused after %v", name, took)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: something was written", name)
		}
	}
}

func TestADecodingChildCannotTakeMoreMemoryOrTimeThanItMay(t *testing.T) {
	in, out := writeFile(t, "upload", nil), filepath.Join(t.TempDir(), "out.wav")
	var refused *RejectedError
	_, err := self("hog").Decode(context.Background(), in, out)
	if limitMemory && (!errors.As(err, &refused) || refused.Code != RejectResources) {
		t.Errorf("400 MB of memory: %v", err)
	}
	slow := self("spin")
	slow.Wall = 300 * time.Millisecond
	began := time.Now()
	if _, err := slow.Decode(context.Background(), in, out); !errors.As(err, &refused) || refused.Code != RejectResources {
		t.Errorf("an endless loop: %v", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it was ended after %v", took)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := self("spin").Decode(ctx, in, out); !errors.Is(err, context.Canceled) {
		t.Errorf("given up by the caller: %v", err)
	}
}

func TestWithoutFfmpegAWAVIsTakenAndALowRateMP3SaysWhatToInstall(t *testing.T) {
	low := writeFile(t, "low", lowRate128(t))
	high := writeFile(t, "high", encodeMP3(t, 440, 4, "-ar", "44100", "-b:a", "128k"))
	plain := writeFile(t, "wav", EncodeWAV(tone(440, 3000, SampleRate), SampleRate, 1))
	t.Setenv("PATH", t.TempDir())
	out := filepath.Join(t.TempDir(), "out.wav")
	for _, in := range []string{plain, high} {
		if got, err := self("decode").Decode(context.Background(), in, out); err != nil || got.Leveled {
			t.Errorf("%s: %+v %v", filepath.Base(in), got, err)
			continue
		}
		samples, err := ReadWAV(out)
		if err != nil || ToneOverRest(samples[2000:7000], SampleRate, 440) < 25 {
			t.Errorf("%s: no clean tone, %v", filepath.Base(in), err)
		}
	}
	var refused *RejectedError
	_, err := self("decode").Decode(context.Background(), low, out)
	if !errors.As(err, &refused) || refused.Code != RejectTool || !strings.Contains(err.Error(),
		"apt-get install ffmpeg") {
		t.Errorf("low rate: %v", err)
	}
}

func FuzzInspectUpload(f *testing.F) {
	f.Add(EncodeWAV(make([]int16, 20), SampleRate, 1))
	f.Add([]byte("ID3\x03\x00\x00\x7F\x7F\x7F\x7F"))
	f.Add(append([]byte{0xFF, 0xFB, 0x90, 0x00}, make([]byte, 500)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		up, err := inspectUpload(data)
		var refused *RejectedError
		if (up == nil) == (err == nil) || (err != nil && !errors.As(err, &refused)) {
			t.Errorf("%v %v", up, err)
		}
	})
}
