package softswitch

import (
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"ramal/esl/wire"
)

type eventFormat uint8

const (
	formatNone eventFormat = iota
	formatPlain
	formatJSON
)

const (
	authTimeout  = 30 * time.Second
	writeTimeout = 10 * time.Second // a client that takes no byte for so long is dead
)

// filter is one line of "filter": an event passes when any line matches (the README of the recordings).
type filter struct {
	header string
	value  string
	re     *regexp.Regexp // value written as /…/
}

// client is one connection of the Event Socket: one goroutine reads commands and answers them in order, one writes.
//
//	unauthenticated ──auth──► open ──exit, error, queue full──► closed
type client struct {
	sw   *Switch
	conn net.Conn

	mu        sync.Mutex
	cond      *sync.Cond
	queue     [][]byte
	queued    int  // bytes in queue
	leaving   bool // write what is queued, then close
	closed    bool
	formats   map[string]eventFormat
	custom    map[string]eventFormat
	all       eventFormat
	filters   []filter
	authed    bool
	overflown bool
}

func newClient(sw *Switch, conn net.Conn) *client {
	c := &client{sw: sw, conn: conn, formats: map[string]eventFormat{}, custom: map[string]eventFormat{}}
	c.cond = sync.NewCond(&c.mu)
	return c
}

// serve runs the connection until it ends or ctx does.
func (c *client) serve(ctx context.Context) {
	stop := context.AfterFunc(ctx, c.cut)
	defer stop()
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.write()
	}()
	c.send(wire.AppendAuthRequest(nil))
	err := c.read(ctx)
	c.sw.bus.remove(c)
	c.leave()
	<-written
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		c.sw.log.Info("event socket client gone", "peer", c.conn.RemoteAddr().String(), "error", err)
	}
}

func (c *client) read(ctx context.Context) error {
	reader := wire.NewCommandReader(c.conn, wire.Limits{})
	if err := c.conn.SetReadDeadline(time.Now().Add(authTimeout)); err != nil {
		return err
	}
	for {
		cmd, err := reader.Next()
		if err != nil {
			return err
		}
		wasAuthed := c.authed
		if !c.command(ctx, cmd) {
			return nil
		}
		if c.authed && !wasAuthed {
			if err := c.conn.SetReadDeadline(time.Time{}); err != nil {
				return err
			}
			c.sw.bus.add(c)
		}
	}
}

// send queues bytes; when too much waits the client is cut off, so that it never holds up a call.
func (c *client) send(data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.leaving {
		return
	}
	if c.queued+len(data) > c.sw.cfg.ClientQueue {
		c.overflown, c.closed = true, true
		c.cond.Signal()
		// Closing wakes the writer out of a blocked write and the reader too.
		go c.conn.Close()
		return
	}
	c.queue = append(c.queue, data)
	c.queued += len(data)
	c.cond.Signal()
}

// leave lets the writer empty the queue and close the connection.
func (c *client) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaving = true
	c.cond.Signal()
}

func (c *client) cut() {
	c.mu.Lock()
	c.closed = true
	c.cond.Signal()
	c.mu.Unlock()
	c.conn.Close()
}

func (c *client) write() {
	defer c.conn.Close()
	for {
		c.mu.Lock()
		for len(c.queue) == 0 && !c.closed && !c.leaving {
			c.cond.Wait()
		}
		batch := c.queue
		c.queue = nil
		if c.closed || len(batch) == 0 {
			over := c.overflown
			c.mu.Unlock()
			if over {
				c.sw.log.Warn("event socket client too slow: cut off", "peer", c.conn.RemoteAddr().String())
			}
			return
		}
		c.mu.Unlock()
		buffers, size := net.Buffers(batch), 0
		for _, b := range batch {
			size += len(b)
		}
		if err := c.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return
		}
		if _, err := buffers.WriteTo(c.conn); err != nil {
			c.cut()
			return
		}
		c.mu.Lock()
		c.queued -= size
		c.mu.Unlock()
	}
}

// wants tells in which format the client asked for such an event. The bus calls it.
func (c *client) wants(name, subclass string) eventFormat {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.leaving {
		return formatNone
	}
	if f := c.formats[name]; f != formatNone && subclass == "" {
		return f
	}
	if f := c.custom[subclass]; f != formatNone && subclass != "" {
		return f
	}
	return c.all
}

func (c *client) passes(e *event) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.filters) == 0 {
		return true
	}
	for _, f := range c.filters {
		value, ok := e.get(f.header)
		if ok && (f.re != nil && f.re.MatchString(value) || f.re == nil && strings.EqualFold(value, f.value)) {
			return true
		}
	}
	return false
}

func (c *client) reply(text string, extra ...wire.Header) {
	c.send(wire.AppendReply(nil, text, extra...))
}

const goodbye = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"

// command answers one command; false ends the connection.
func (c *client) command(ctx context.Context, cmd wire.Command) bool {
	word, arg, _ := strings.Cut(strings.TrimSpace(cmd.Line), " ")
	arg = strings.TrimSpace(arg)
	word = strings.ToLower(word)
	if !c.authed && word != "auth" && word != "exit" {
		c.reply("-ERR command not found")
		return true
	}
	switch word {
	case "auth":
		return c.auth(arg)
	case "exit", "...":
		c.reply("+OK bye")
		c.send(wire.AppendFrame(nil, wire.TypeDisconnect, goodbye))
		return false
	case "event":
		c.subscribe(arg)
	case "nixevent":
		c.unsubscribe(arg)
	case "noevents":
		c.mu.Lock()
		clear(c.formats)
		clear(c.custom)
		c.all = formatNone
		c.mu.Unlock()
		c.reply("+OK no longer listening for events")
	case "filter":
		c.filter(arg)
	case "api":
		out := c.sw.api(ctx, arg)
		if out == "" {
			out = "-ERR no reply\n"
		}
		c.send(wire.AppendAPIResponse(nil, out))
	case "bgapi":
		c.background(ctx, arg, cmd.Get("Job-UUID"))
	case "sendmsg":
		c.sendmsg(arg, cmd)
	case "linger", "nolinger":
		c.reply("-ERR not controlling a session")
	case "divert_events":
		c.reply("-ERR not controlling a session.")
	default:
		c.reply("-ERR command not found")
	}
	return true
}

func (c *client) auth(password string) bool {
	if !equalSecret(password, c.sw.cfg.ESLPassword) {
		c.sw.log.Warn("event socket: wrong password", "peer", c.conn.RemoteAddr().String())
		c.reply("-ERR invalid")
		c.send(wire.AppendFrame(nil, wire.TypeDisconnect, goodbye))
		return false
	}
	c.authed = true
	c.reply("+OK accepted")
	return true
}

// subscribe reads "event plain A B CUSTOM x::y": after CUSTOM every word is a subclass.
func (c *client) subscribe(arg string) {
	words := strings.Fields(arg)
	format, name := formatPlain, "plain"
	if len(words) > 0 {
		switch strings.ToLower(words[0]) {
		case "plain":
			words = words[1:]
		case "json":
			format, name, words = formatJSON, "json", words[1:]
		case "xml":
			c.reply("-ERR XML events are not served")
			return
		}
	}
	if len(words) == 0 {
		c.reply("-ERR no keywords supplied")
		return
	}
	c.mu.Lock()
	custom := false
	for _, word := range words {
		switch {
		case custom:
			c.custom[word] = format
		case strings.EqualFold(word, "CUSTOM"):
			custom = true
		case strings.EqualFold(word, "ALL"):
			c.all = format
		default:
			c.formats[strings.ToUpper(word)] = format
		}
	}
	c.mu.Unlock()
	c.reply("+OK event listener enabled " + name)
}

func (c *client) unsubscribe(arg string) {
	words := strings.Fields(arg)
	if len(words) == 0 {
		c.reply("-ERR no keywords supplied")
		return
	}
	c.mu.Lock()
	custom := false
	for _, word := range words {
		switch {
		case custom:
			delete(c.custom, word)
		case strings.EqualFold(word, "CUSTOM"):
			custom = true
		case strings.EqualFold(word, "ALL"):
			c.all = formatNone
			clear(c.formats)
			clear(c.custom)
		default:
			delete(c.formats, strings.ToUpper(word))
		}
	}
	c.mu.Unlock()
	c.reply("+OK events nixed")
}

func (c *client) filter(arg string) {
	rest, deleting := strings.CutPrefix(arg, "delete ")
	header, value, _ := strings.Cut(strings.TrimSpace(rest), " ")
	value = strings.TrimSpace(value)
	if header == "" || !deleting && value == "" {
		c.reply("-ERR invalid syntax")
		return
	}
	if deleting {
		c.dropFilters(header, value)
		c.reply("+OK filter deleted. [" + header + "][" + value + "]")
		return
	}
	f := filter{header: header, value: value}
	if len(value) > 2 && value[0] == '/' && value[len(value)-1] == '/' {
		if re, err := regexp.Compile(value[1 : len(value)-1]); err == nil {
			f.re = re
		}
	}
	c.mu.Lock()
	c.filters = append(c.filters, f)
	c.mu.Unlock()
	c.reply("+OK filter added. [" + header + "]=[" + value + "]")
}

func (c *client) dropFilters(header, value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := c.filters[:0]
	for _, f := range c.filters {
		same := strings.EqualFold(f.header, header) && (value == "" || f.value == value)
		if !same && !strings.EqualFold(header, "all") {
			kept = append(kept, f)
		}
	}
	c.filters = kept
}

// background runs "bgapi": the reply comes at once, the result as a BACKGROUND_JOB event for everybody.
func (c *client) background(ctx context.Context, arg, job string) {
	if job == "" {
		job = uuid.NewString()
	}
	if arg == "" {
		c.reply("-ERR Invalid syntax")
		return
	}
	c.reply("+OK Job-UUID: "+job, wire.Header{Name: "Job-UUID", Value: job})
	name, args, _ := strings.Cut(arg, " ")
	c.sw.spawn(func() {
		out := c.sw.api(ctx, arg)
		headers := []wire.Header{{Name: "Job-UUID", Value: job}, {Name: "Job-Command", Value: name}}
		if args != "" {
			headers = append(headers, wire.Header{Name: "Job-Command-Arg", Value: args})
		}
		c.sw.fire("BACKGROUND_JOB", "", fromAPIExec, headers, []byte(out))
	})
}

// sendmsg queues a command on a leg. It is answered before the leg looks at it.
func (c *client) sendmsg(id string, cmd wire.Command) {
	l := c.sw.leg(id)
	if l == nil {
		c.reply("-ERR invalid session id [" + id + "]")
		return
	}
	c.reply("+OK")
	loops := 1
	if n, err := strconv.Atoi(cmd.Get("loops")); err == nil {
		loops = n
	}
	arg := cmd.Get("execute-app-arg")
	if arg == "" && strings.EqualFold(cmd.Get("content-type"), "text/plain") {
		arg = string(cmd.Body)
	}
	l.queueMessage(message{
		command: strings.ToLower(cmd.Get("call-command")), app: cmd.Get("execute-app-name"), arg: arg,
		uuid: cmd.Get("event-uuid"), cause: cmd.Get("hangup-cause"), lock: isTrue(cmd.Get("event-lock")), loops: loops,
	})
}
