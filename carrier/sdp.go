package carrier

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/pion/sdp/v3"

	"ramal/media"
)

// direction is an SDP media direction, from its writer's view.
type direction string

const (
	sendrecv direction = "sendrecv"
	sendonly direction = "sendonly"
	recvonly direction = "recvonly"
	inactive direction = "inactive"
)

// answer is the direction that answers an offered one; held keeps our own wish not to receive.
func (d direction) answer(held bool) direction {
	switch {
	case d == inactive, d == sendonly && held:
		return inactive
	case d == sendonly:
		return recvonly
	case d == recvonly, held:
		return sendonly
	}
	return sendrecv
}

// defaultEventPT is the payload type that we offer for telephone-event.
const defaultEventPT = 101

// remoteMedia is what the other side's SDP says about its audio.
type remoteMedia struct {
	addr    netip.AddrPort // zero address or port 0: it wants nothing
	codecs  []media.Codec  // those we know, in its order
	eventPT uint8          // 0: no telephone-event
	dir     direction
}

var errNoAudio = errors.New("no common audio codec in the SDP")

func parseSDP(body []byte) (remoteMedia, error) {
	var s sdp.SessionDescription
	if err := s.Unmarshal(body); err != nil {
		return remoteMedia{}, fmt.Errorf("parse SDP: %w", err)
	}
	for _, m := range s.MediaDescriptions {
		if m.MediaName.Media != "audio" || !strings.HasPrefix(strings.Join(m.MediaName.Protos, "/"), "RTP/AVP") {
			continue
		}
		r := remoteMedia{dir: sendrecv}
		connection := s.ConnectionInformation
		if m.ConnectionInformation != nil {
			connection = m.ConnectionInformation
		}
		if connection == nil || connection.Address == nil {
			return remoteMedia{}, errors.New("parse SDP: no connection address")
		}
		addr, err := netip.ParseAddr(connection.Address.Address)
		if err != nil {
			return remoteMedia{}, fmt.Errorf("parse SDP: %w", err)
		}
		r.addr = netip.AddrPortFrom(addr, uint16(m.MediaName.Port.Value))
		for _, format := range m.MediaName.Formats {
			if pt, err := strconv.ParseUint(format, 10, 7); err == nil && media.Codec(pt).Valid() {
				r.codecs = append(r.codecs, media.Codec(pt))
			}
		}
		for _, a := range append(append([]sdp.Attribute{}, s.Attributes...), m.Attributes...) {
			r.attribute(a)
		}
		return r, nil
	}
	return remoteMedia{}, errNoAudio
}

func (r *remoteMedia) attribute(a sdp.Attribute) {
	switch d := direction(a.Key); d {
	case sendrecv, sendonly, recvonly, inactive:
		r.dir = d
	}
	pt, encoding, ok := strings.Cut(a.Value, " ")
	if a.Key == "rtpmap" && ok && strings.EqualFold(strings.TrimSpace(encoding), "telephone-event/8000") {
		if n, err := strconv.ParseUint(pt, 10, 7); err == nil {
			r.eventPT = uint8(n)
		}
	}
}

// common keeps the codecs that we have too, in the other side's order.
func (r remoteMedia) common(ours []media.Codec) []media.Codec {
	var both []media.Codec
	for _, theirs := range r.codecs {
		for _, c := range ours {
			if c == theirs {
				both = append(both, c)
			}
		}
	}
	return both
}

// writeSDP describes our side. version grows with each change (RFC 3264 section 8).
func writeSDP(local netip.AddrPort, version int, codecs []media.Codec, eventPT uint8, dir direction) []byte {
	var b strings.Builder
	formats, maps := "", ""
	for _, c := range codecs {
		formats += fmt.Sprintf(" %d", uint8(c))
		maps += fmt.Sprintf("a=rtpmap:%d %s/8000\r\n", uint8(c), c)
	}
	if eventPT != 0 {
		formats += fmt.Sprintf(" %d", eventPT)
		maps += fmt.Sprintf("a=rtpmap:%d telephone-event/8000\r\na=fmtp:%d 0-15\r\n", eventPT, eventPT)
	}
	family := "IP4"
	if local.Addr().Is6() && !local.Addr().Is4In6() {
		family = "IP6"
	}
	addr := fmt.Sprintf("IN %s %s", family, local.Addr())
	fmt.Fprintf(&b, "v=0\r\no=- %d %d %s\r\ns=-\r\nc=%s\r\nt=0 0\r\n", uint64(local.Port())+1<<20, version, addr, addr)
	fmt.Fprintf(&b, "m=audio %d RTP/AVP%s\r\n%sa=ptime:%d\r\na=%s\r\n", local.Port(), formats, maps,
		media.FrameTime/time.Millisecond, dir)
	return []byte(b.String())
}
