package wire

import "strings"

const upperHex = "0123456789ABCDEF"

// unsafe is SWITCH_URL_UNSAFE of FreeSWITCH (switch_utils.h). Notably a comma, a slash, a quote and a dollar stay.
const unsafe = "\r\n #%&+:;<=>?@[\\]^`{|}\""

var mustEncode = func() (table [256]bool) {
	for c := range table {
		table[c] = c < ' ' || c > '~' || strings.IndexByte(unsafe, byte(c)) >= 0
	}
	return table
}()

// EncodeValue encodes an event header's value exactly as FreeSWITCH does (switch_url_encode), its quirk included: a
// percent sign that is followed by two upper-case hexadecimal digits is taken for an escape and left alone, so that
// the name sofia/internal/1001%127.0.0.1 travels as it is and a decoder reads 1001<0x12>7.0.0.1 (recording 19).
func EncodeValue(value string) string {
	for i := 0; i < len(value); i++ {
		if mustEncode[value[i]] {
			return string(AppendEncoded(make([]byte, 0, len(value)+16), value))
		}
	}
	return value
}

// AppendEncoded appends EncodeValue(value) to dst.
func AppendEncoded(dst []byte, value string) []byte {
	for i := 0; i < len(value); i++ {
		c := value[i]
		escape := c == '%' && i+2 < len(value) && isUpperHex(value[i+1]) && isUpperHex(value[i+2])
		if mustEncode[c] && !escape {
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
			continue
		}
		dst = append(dst, c)
	}
	return dst
}

// DecodeValue decodes a percent-encoded value as FreeSWITCH does: what is no escape stays as it is. The result may
// hold any byte, NUL and line ends included; whoever uses it must not put it into a command.
func DecodeValue(raw []byte) string {
	for i := 0; i < len(raw); i++ {
		if raw[i] == '%' {
			return string(AppendDecoded(make([]byte, 0, len(raw)), raw))
		}
	}
	return string(raw)
}

// AppendDecoded appends DecodeValue(raw) to dst.
func AppendDecoded(dst, raw []byte) []byte {
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c == '%' && i+2 < len(raw) {
			high, ok1 := unhex(raw[i+1])
			low, ok2 := unhex(raw[i+2])
			if ok1 && ok2 {
				dst = append(dst, high<<4|low)
				i += 2
				continue
			}
		}
		dst = append(dst, c)
	}
	return dst
}

func isUpperHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'A' && c <= 'F' }

func unhex(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}
