package carrier

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// registrar is a small SIP server that challenges REGISTER (401) and INVITE (407) and notes who came through.
type registrar struct {
	addr     string
	password string
	expires  string // granted
	stale    int    // challenges that call a right answer stale

	mu       sync.Mutex
	nonces   int
	contacts []string // of accepted REGISTERs; "" for one that expires
	callIDs  map[string]int
	invites  int // accepted
	changed  chan struct{}
}

func newRegistrar(t *testing.T, network string) *registrar {
	t.Helper()
	r := &registrar{password: "secret", expires: "600", callIDs: map[string]int{}, changed: make(chan struct{}, 1000)}
	quiet := slog.New(slog.DiscardHandler)
	ua, err := sipgo.NewUA()
	if err != nil {
		t.Fatal(err)
	}
	srv, err := sipgo.NewServer(ua, sipgo.WithServerLogger(quiet))
	if err != nil {
		t.Fatal(err)
	}
	srv.OnRegister(r.register)
	srv.OnInvite(r.invite)
	srv.OnAck(func(*sip.Request, sip.ServerTransaction) {})
	served := make(chan struct{})
	var closeSocket func() error
	if network == "tcp" {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		r.addr, closeSocket = l.Addr().String(), l.Close
		go func() { defer close(served); _ = srv.ServeTCP(l) }() // ends with the listener
	} else {
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		r.addr, closeSocket = conn.LocalAddr().String(), conn.Close
		go func() { defer close(served); _ = srv.ServeUDP(conn) }() // ends with the socket
	}
	t.Cleanup(func() {
		if err := errors.Join(ua.Close(), closeSocket()); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		<-served
	})
	return r
}

// authorized checks the digest of a request, or says how to challenge it.
func (r *registrar) authorized(req *sip.Request, header string) (bool, string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := req.GetHeader(header)
	stale := false
	if h != nil {
		cred, err := digest.ParseCredentials(h.Value())
		if err == nil && cred.Nonce == fmt.Sprintf("nonce%d", r.nonces) {
			want, err := digest.Digest(&digest.Challenge{Realm: "ramal", Nonce: cred.Nonce, Algorithm: "MD5",
				QOP: []string{"auth"}},
				digest.Options{Method: req.Method.String(), URI: cred.URI, Username: cred.Username, Password: r.password,
					Cnonce: cred.Cnonce, Count: cred.Nc})
			if err == nil && want.Response == cred.Response && cred.URI == req.Recipient.String() {
				if r.stale == 0 {
					return true, ""
				}
				r.stale--
				stale = true
			}
		}
	}
	r.nonces++
	challenge := digest.Challenge{Realm: "ramal", Nonce: fmt.Sprintf("nonce%d", r.nonces), Algorithm: "MD5",
		QOP: []string{"auth"}, Stale: stale}
	return false, challenge.String()
}

func (r *registrar) register(req *sip.Request, tx sip.ServerTransaction) {
	ok, challenge := r.authorized(req, "Authorization")
	res := sip.NewResponseFromRequest(req, 200, "OK", nil)
	if !ok {
		res = sip.NewResponseFromRequest(req, 401, "Unauthorized", nil)
		res.AppendHeader(sip.NewHeader("WWW-Authenticate", challenge))
	} else {
		contact := req.Contact().Address.String()
		if h := req.GetHeader("Expires"); h != nil && h.Value() == "0" {
			contact = ""
		}
		r.mu.Lock()
		r.contacts = append(r.contacts, contact)
		r.callIDs[req.CallID().Value()]++
		res.AppendHeader(sip.NewHeader("Expires", r.expires))
		r.mu.Unlock()
		r.changed <- struct{}{}
	}
	_ = tx.Respond(res) // the phone would report it
}

func (r *registrar) invite(req *sip.Request, tx sip.ServerTransaction) {
	ok, challenge := r.authorized(req, "Proxy-Authorization")
	res := sip.NewResponseFromRequest(req, 486, "Busy Here", nil)
	if !ok {
		res = sip.NewResponseFromRequest(req, 407, "Proxy Authentication Required", nil)
		res.AppendHeader(sip.NewHeader("Proxy-Authenticate", challenge))
	} else {
		r.mu.Lock()
		r.invites++
		r.mu.Unlock()
	}
	_ = tx.Respond(res) // the phone would report it
}

func TestAPhoneRegistersWithDigestRenewsAndUnregisters(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			r := newRegistrar(t, network)
			r.mu.Lock()
			r.expires, r.stale = "1", 1
			r.mu.Unlock()
			ctx := testContext(t)
			phone := newTestPhone(t, Config{User: "1001", Password: "secret", Domain: "ramal", Proxy: r.addr,
				Transport: network})
			got, err := phone.Register(ctx, time.Hour)
			if err != nil || got.Status != 200 || got.Expires != time.Second {
				t.Fatalf("registered: %+v %v", got, err)
			}
			for range 3 { // the first one and two renewals
				select {
				case <-r.changed:
				case <-ctx.Done():
					t.Fatal("no renewal")
				}
			}
			if _, err := phone.Registration(); err != nil {
				t.Error(err)
			}
			if err := phone.Unregister(ctx); err != nil {
				t.Fatal(err)
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			if r.contacts[0] != phone.ContactURI() || r.contacts[len(r.contacts)-1] != "" {
				t.Errorf("contacts %q, want first %q and an empty one at the end", r.contacts, phone.ContactURI())
			}
			if len(r.callIDs) != 1 {
				t.Errorf("%d Call-IDs were used, want one", len(r.callIDs))
			}
		})
	}
}

func TestAWrongPasswordIsARefusal(t *testing.T) {
	r := newRegistrar(t, "udp")
	ctx := testContext(t)
	for _, password := range []string{"wrong", ""} {
		phone := newTestPhone(t, Config{User: "1001", Password: password, Domain: "ramal", Proxy: r.addr})
		var refused *RefusedError
		if _, err := phone.Register(ctx, time.Hour); !errors.As(err, &refused) || refused.Status != 401 {
			t.Errorf("password %q: %v", password, err)
		}
		if _, err := phone.Registration(); err == nil {
			t.Errorf("password %q: the phone believes to be registered", password)
		}
		if _, err := phone.Dial(ctx, "5000", CallOptions{}); !errors.As(err, &refused) || refused.Status != 407 {
			t.Errorf("password %q: call: %v", password, err)
		}
	}
}

func TestAChallengedCallIsSentAgainWithCredentials(t *testing.T) {
	r := newRegistrar(t, "udp")
	phone := newTestPhone(t, Config{User: "1001", Password: "secret", Domain: "ramal", Proxy: r.addr})
	var refused *RefusedError
	if _, err := phone.Dial(testContext(t), "5000", CallOptions{}); !errors.As(err, &refused) || refused.Status != 486 {
		t.Errorf("call: %v, want the 486 that comes after authentication", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.invites != 1 {
		t.Errorf("%d calls came through, want 1", r.invites)
	}
}

func TestExpiresOfTheContactGoesBeforeTheHeaders(t *testing.T) {
	res := sip.NewResponse(200, "OK")
	res.AppendHeader(sip.NewHeader("Expires", "600"))
	contact := &sip.ContactHeader{Address: sip.Uri{Scheme: "sip", Host: "127.0.0.1"}}
	contact.Params.Add("expires", strconv.Itoa(60))
	if got := grantedExpires(res, time.Hour); got != 600*time.Second {
		t.Errorf("header alone: %v", got)
	}
	res.AppendHeader(contact)
	if got := grantedExpires(res, time.Hour); got != time.Minute {
		t.Errorf("with a contact: %v", got)
	}
}
