package softswitch

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"ramal/media"
)

// description is what we need of a session description (RFC 8866) with one audio stream.
type description struct {
	addr      netip.AddrPort
	codecs    []media.Codec // in the sender's order
	digitPT   uint8         // telephone-event at 8000 Hz; 0: none
	ptime     int           // milliseconds, 0 when not stated
	direction string        // sendrecv, sendonly, recvonly, inactive
}

var (
	errNoAudio = errors.New("no audio stream of RTP/AVP")
	errNoCodec = errors.New("neither PCMU nor PCMA offered")
)

// parseSDP reads an offer or an answer. Other streams than the first audio one are left out.
func parseSDP(body []byte) (description, error) {
	d := description{direction: "sendrecv"}
	host, inAudio, seen := "", false, false
	var payloads []string
	names := map[string]string{}
	for line := range strings.Lines(string(body)) {
		line = strings.TrimRight(line, "\r\n")
		if len(line) < 2 || line[1] != '=' {
			continue
		}
		value := line[2:]
		switch line[0] {
		case 'c':
			fields := strings.Fields(value)
			if len(fields) == 3 && (inAudio || !seen) {
				host = fields[2]
			}
		case 'm':
			fields := strings.Fields(value)
			inAudio = !seen && len(fields) >= 4 && fields[0] == "audio" && strings.HasPrefix(fields[2], "RTP/AVP")
			if inAudio {
				port, err := strconv.ParseUint(strings.SplitN(fields[1], "/", 2)[0], 10, 16)
				if err != nil {
					return d, fmt.Errorf("SDP: port %q: %w", fields[1], err)
				}
				seen, payloads = true, fields[3:]
				d.addr = netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(port))
			}
		case 'a':
			if !inAudio && seen {
				continue
			}
			d.attribute(value, names)
		}
	}
	if !seen {
		return d, errNoAudio
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return d, fmt.Errorf("SDP: address %q: %w", host, err)
	}
	d.addr = netip.AddrPortFrom(ip.Unmap(), d.addr.Port())
	if ip.IsUnspecified() && d.direction == "sendrecv" {
		d.direction = "sendonly" // hold as in RFC 2543
	}
	d.choose(payloads, names)
	if len(d.codecs) == 0 {
		return d, errNoCodec
	}
	return d, nil
}

func (d *description) attribute(value string, names map[string]string) {
	name, rest, _ := strings.Cut(value, ":")
	switch name {
	case "rtpmap":
		pt, codec, _ := strings.Cut(rest, " ")
		names[pt] = strings.ToUpper(codec)
	case "ptime":
		d.ptime, _ = strconv.Atoi(rest) // what is no number is as good as absent
	case "sendrecv", "sendonly", "recvonly", "inactive":
		d.direction = value
	}
}

func (d *description) choose(payloads []string, names map[string]string) {
	for _, pt := range payloads {
		name := names[pt]
		switch {
		case pt == "0" && (name == "" || strings.HasPrefix(name, "PCMU/8000")):
			d.codecs = append(d.codecs, media.PCMU)
		case pt == "8" && (name == "" || strings.HasPrefix(name, "PCMA/8000")):
			d.codecs = append(d.codecs, media.PCMA)
		case strings.HasPrefix(name, "TELEPHONE-EVENT/8000") && d.digitPT == 0:
			if n, err := strconv.ParseUint(pt, 10, 7); err == nil {
				d.digitPT = uint8(n)
			}
		}
	}
}

// answerTo is the direction we answer with (RFC 3264 section 6.1).
func answerTo(direction string) string {
	switch direction {
	case "sendonly":
		return "recvonly"
	case "recvonly":
		return "sendonly"
	}
	return direction
}

// writeSDP makes our offer or answer as FreeSWITCH writes it (recording 02).
func writeSDP(ip string, port int, id, version uint64, codecs []media.Codec, digitPT uint8, direction string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "v=0\r\no=FreeSWITCH %d %d IN IP4 %s\r\ns=FreeSWITCH\r\nc=IN IP4 %s\r\nt=0 0\r\n", id, version, ip, ip)
	fmt.Fprintf(&b, "m=audio %d RTP/AVP", port)
	for _, c := range codecs {
		fmt.Fprintf(&b, " %d", c)
	}
	if digitPT != 0 {
		fmt.Fprintf(&b, " %d", digitPT)
	}
	b.WriteString("\r\n")
	for _, c := range codecs {
		fmt.Fprintf(&b, "a=rtpmap:%d %s/8000\r\n", c, c)
	}
	if digitPT != 0 {
		fmt.Fprintf(&b, "a=rtpmap:%d telephone-event/8000\r\na=fmtp:%d 0-15\r\n", digitPT, digitPT)
	}
	fmt.Fprintf(&b, "a=ptime:20\r\na=%s\r\n", direction)
	return b.String()
}
