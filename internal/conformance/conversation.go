package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"ramal/esl/wire"
	"ramal/internal/recordings"
)

// Kind says what an Item of a conversation is.
type Kind int

// The kinds of items.
const (
	Command Kind = iota // the client sent it
	Reply               // command/reply or api/response
	Event               // text/event-plain
	Notice              // greeting, disconnect notice
)

// Header is one header of an event, decoded. Names may repeat; order is the switch's.
type Header struct{ Name, Value string }

// Item is one command or one frame of a conversation.
type Item struct {
	Kind    Kind
	At      time.Duration // since the connection was made
	Text    string        // command, or the reply's text; the notice's content type
	Headers []Header      // of an event
	Body    string        // of an event (job result)
}

// Get returns the first header of that name, or "".
func (i *Item) Get(name string) string {
	for _, h := range i.Headers {
		if h.Name == name {
			return h.Value
		}
	}
	return ""
}

// Name is the event's name; CUSTOM events carry their subclass.
func (i *Item) Name() string {
	if name := i.Get("Event-Name"); name != "CUSTOM" {
		return name
	}
	return "CUSTOM " + i.Get("Event-Subclass")
}

// Conversation is everything that passed on one connection, in the order in which the client saw it.
type Conversation []Item

// Read turns a recording's blocks into a conversation. Blocks must hold whole frames.
func Read(blocks []recordings.Block) (Conversation, error) {
	var c Conversation
	for n, b := range blocks {
		if !b.FromSwitch {
			c = append(c, Item{Kind: Command, At: b.At, Text: strings.TrimRight(string(b.Data), "\n")})
			continue
		}
		frames := wire.NewFrameReader(bytes.NewReader(b.Data), wire.Limits{})
		for {
			f, err := frames.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, fmt.Errorf("read block %d of a recording: %w", n+1, err)
			}
			c = append(c, fromFrame(f, b.At))
		}
	}
	return c, nil
}

func fromFrame(f wire.Frame, at time.Duration) Item {
	item := Item{At: at}
	switch f.ContentType {
	case wire.TypeEventPlain:
		item.Kind = Event
		scan := wire.ScanHeaders(f.Body)
		for scan.Next() {
			item.Headers = append(item.Headers, Header{string(scan.Name()), wire.DecodeValue(scan.Value())})
		}
		item.Body = string(scan.Body())
	case wire.TypeCommandReply:
		item.Kind, item.Text = Reply, f.ReplyText
	case wire.TypeAPIResponse:
		item.Kind, item.Text = Reply, string(f.Body)
	default:
		item.Kind, item.Text = Notice, f.ContentType
		if len(f.Body) > 0 {
			item.Text += "\n" + string(f.Body)
		}
	}
	return item
}
