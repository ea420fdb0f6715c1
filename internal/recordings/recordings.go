package recordings

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// Block is what one side sent at a time.
type Block struct {
	FromSwitch bool          // false: the client sent it
	At         time.Duration // since the connection was made, to the millisecond
	Data       []byte        // raw bytes
}

// Load reads the recording at path.
func Load(path string) ([]Block, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("load recording: %w", err)
	}
	blocks, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("load recording %s: %w", path, err)
	}
	return blocks, nil
}

// Parse reads a recording's text. The blocks share data's memory.
func Parse(data []byte) ([]Block, error) {
	var blocks []Block
	for at := 0; at < len(data); {
		block, size, err := parseBlock(data[at:])
		if err != nil {
			return nil, fmt.Errorf("block %d at byte %d: %w", len(blocks)+1, at, err)
		}
		blocks = append(blocks, block)
		at += size
	}
	return blocks, nil
}

func parseBlock(data []byte) (Block, int, error) {
	end := bytes.IndexByte(data, '\n')
	if end < 0 {
		return Block{}, 0, fmt.Errorf("no block line in %.40q", data)
	}
	fields := bytes.Split(data[:end], []byte{' '})
	if len(fields) != 3 || len(fields[0]) != 1 || fields[0][0] != '<' && fields[0][0] != '>' {
		return Block{}, 0, fmt.Errorf("%.40q is no block line", data[:end])
	}
	seconds, err := strconv.ParseFloat(string(fields[1]), 64)
	if err != nil || seconds < 0 || seconds > 1e6 {
		return Block{}, 0, fmt.Errorf("time %.20q of a block", fields[1])
	}
	size, err := strconv.Atoi(string(fields[2]))
	if err != nil || size < 0 || size > len(data)-end-1 {
		return Block{}, 0, fmt.Errorf("size %.20q of a block", fields[2])
	}
	raw := data[end+1 : end+1+size]
	next := end + 1 + size
	if !bytes.HasSuffix(raw, []byte{'\n'}) {
		if next >= len(data) || data[next] != '\n' {
			return Block{}, 0, fmt.Errorf("no line end behind %d bytes", size)
		}
		next++
	}
	if !bytes.HasPrefix(data[next:], []byte("---\n")) {
		return Block{}, 0, fmt.Errorf("no --- behind %d bytes", size)
	}
	at := time.Duration(seconds*1000+0.5) * time.Millisecond
	return Block{FromSwitch: fields[0][0] == '<', At: at, Data: raw}, next + len("---\n"), nil
}

// FromSwitch returns the bytes that the switch sent, in order.
func FromSwitch(blocks []Block) []byte { return side(blocks, true) }

// FromClient returns the bytes that the client sent, in order.
func FromClient(blocks []Block) []byte { return side(blocks, false) }

func side(blocks []Block, fromSwitch bool) []byte {
	var all []byte
	for _, b := range blocks {
		if b.FromSwitch == fromSwitch {
			all = append(all, b.Data...)
		}
	}
	return all
}
