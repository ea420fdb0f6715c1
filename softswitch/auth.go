package softswitch

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// nonceLife is how long a nonce is good for; after it the phone is told that it is stale and tries again by itself.
const nonceLife = 5 * time.Minute

// nonceKey signs nonces, so that none has to be remembered. It is new at every start.
var nonceKey = func() []byte {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		panic("no randomness: " + err.Error()) // crypto/rand never fails on a supported system
	}
	return key
}()

// newNonce is the time and a signature of it.
func newNonce(now time.Time) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(now.UnixNano()))
	return base64.RawURLEncoding.EncodeToString(append(b, sign(b)...))
}

func sign(b []byte) []byte {
	mac := hmac.New(sha256.New, nonceKey)
	mac.Write(b)
	return mac.Sum(nil)[:16]
}

// nonceState tells whether we made the nonce, and whether it is too old.
func nonceState(nonce string, now time.Time) (ours, stale bool) {
	b, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(b) != 24 || !hmac.Equal(sign(b[:8]), b[8:]) {
		return false, false
	}
	age := now.Sub(time.Unix(0, int64(binary.BigEndian.Uint64(b))))
	return true, age > nonceLife || age < -time.Minute
}

// authenticate checks a request's digest (RFC 3261 section 22, RFC 2617 with qop). Without good credentials it
// answers the request itself: a challenge when there are none or they are stale, 403 when they are wrong. An unknown
// user and a wrong password get the same answer by the same work.
func (p *profile) authenticate(req *sip.Request, tx sip.ServerTransaction, ask, give string, status int) (
	name string, ok bool,
) {
	header := req.GetHeader(give)
	if header == nil {
		p.challenge(req, tx, ask, status, false)
		return "", false
	}
	cred, err := digest.ParseCredentials(header.Value())
	if err != nil || !strings.EqualFold(cred.Algorithm, "MD5") && cred.Algorithm != "" {
		p.refuse(req, tx, 400, "Bad Request")
		return "", false
	}
	ours, stale := nonceState(cred.Nonce, time.Now())
	if !ours || stale {
		p.challenge(req, tx, ask, status, ours)
		return "", false
	}
	if req.Method == sip.REGISTER {
		p.firePreRegister(req)
	}
	known, found := p.sw.users.Load().find(cred.Username)
	if !found {
		known = &user{id: cred.Username, pass: newTag()}
	}
	want := digestResponse(known.hash(cred.Realm), cred, string(req.Method))
	if !equalSecret(want, strings.ToLower(cred.Response)) || !found || cred.Realm != p.realm(req) {
		p.sw.log.Info("SIP credentials refused", "profile", p.name, "method", string(req.Method), "source", req.Source())
		if req.Method == sip.REGISTER {
			p.fireAuthFailure(req, cred)
		}
		p.refuse(req, tx, 403, "Forbidden")
		return "", false
	}
	return cred.Username, true
}

// digestResponse computes the response of RFC 2617 section 3.2.2.1 from HA1.
func digestResponse(ha1 string, c *digest.Credentials, method string) string {
	ha2 := md5hex(method + ":" + c.URI)
	if c.QOP == "" {
		return md5hex(ha1 + ":" + c.Nonce + ":" + ha2)
	}
	return md5hex(fmt.Sprintf("%s:%s:%08x:%s:%s:%s", ha1, c.Nonce, c.Nc, c.Cnonce, c.QOP, ha2))
}

// realm is what a phone's digest is made for: the domain of the user in the directory, which every user here shares.
func (p *profile) realm(*sip.Request) string { return p.sw.cfg.SIPDomain }

func (p *profile) challenge(req *sip.Request, tx sip.ServerTransaction, header string, status int, stale bool) {
	reason := "Unauthorized"
	if status == 407 {
		reason = "Proxy Authentication Required"
	}
	text := fmt.Sprintf(`Digest realm=%q, nonce=%q, algorithm=MD5, qop="auth"`, p.realm(req), newNonce(time.Now()))
	if stale {
		text += ", stale=true"
	}
	res := sip.NewResponseFromRequest(req, status, reason, nil)
	res.AppendHeader(sip.NewHeader(header, text))
	p.respond(tx, res)
}
