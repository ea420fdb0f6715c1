package softswitch

import (
	"strings"

	"ramal/esl/wire"
)

// appendJSONString writes a string as cJSON prints it: control characters escaped, everything else as it is.
func appendJSONString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// appendJSONObject writes headers as one object, arrays (ARRAY::a|:b) as arrays.
func appendJSONObject(dst []byte, headers []wire.Header, body []byte) []byte {
	dst = append(dst, '{')
	for i, h := range headers {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendJSONString(dst, h.Name), ':')
		items, isArray := strings.CutPrefix(h.Value, "ARRAY::")
		if !isArray {
			dst = appendJSONString(dst, h.Value)
			continue
		}
		dst = append(dst, '[')
		for n, item := range strings.Split(items, "|:") {
			if n > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSONString(dst, item)
		}
		dst = append(dst, ']')
	}
	if body != nil {
		dst = append(dst, `,"_body":`...)
		dst = appendJSONString(dst, string(body))
	}
	return append(dst, '}')
}

// jsonEvent is the frame of an event for "event json".
func jsonEvent(e *event) []byte {
	text := appendJSONObject(nil, e.headers, e.body)
	dst := []byte("Content-Length: ")
	dst = appendInt(dst, len(text))
	dst = append(dst, "\nContent-Type: text/event-json\n\n"...)
	return append(dst, text...)
}
