package api

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"ramal/call"
	"ramal/directory"
)

// cookieName: a browser accepts the prefix __Host- only with Secure, Path=/ and no Domain (RFC 6265bis section
// 4.1.3.2).
func (a *API) cookieName() string {
	if a.cfg.TLS {
		return "__Host-ramal_session"
	}
	return "ramal_session"
}

func (a *API) cookie(token directory.Token) *http.Cookie {
	c := &http.Cookie{Name: a.cookieName(), Value: string(token), Path: "/", HttpOnly: true, Secure: a.cfg.TLS,
		SameSite: http.SameSiteLaxMode}
	if token == "" {
		c.MaxAge = -1
	}
	return c
}

// identify finds out who sent the request.
func (a *API) identify(c echo.Context, req *request) error {
	who, ses, err := a.find(c.Request().Context(), req.token, a.cfg.Accounts.FindSession)
	req.who, req.session = who, ses
	return err
}

// finder is one of the two ways to look for a session: Accounts.FindSession and Accounts.PeekSession.
type finder func(context.Context, call.OrgID, [32]byte, time.Time) (directory.Identity, directory.Session, error)

func (a *API) find(ctx context.Context, token directory.Token, look finder,
) (directory.Identity, directory.Session, error) {
	org, hash, ok := token.Split()
	if !ok {
		return directory.Identity{}, directory.Session{}, signedOut()
	}
	who, ses, err := look(ctx, org, hash, a.cfg.Now().UTC())
	if call.CodeOf(err) == call.NotFound {
		err = signedOut()
	}
	return who, ses, err
}

func signedOut() *fault { return problemf(http.StatusUnauthorized, "unauthenticated", textSignedOut) }

// SignIn implements POST /api/session. Whether the address is unknown or the password wrong is told by neither the
// answer nor its time.
func (h handlers) SignIn(ctx context.Context, in SignInRequestObject) (SignInResponseObject, error) {
	a, req, now := h.api, requestIn(ctx), h.api.cfg.Now().UTC()
	email, err := directory.ParseEmail(in.Body.Email)
	if err != nil {
		if _, err := a.hasher.matches(ctx, in.Body.Password, ""); err != nil {
			return nil, err
		}
		return nil, problemf(http.StatusUnauthorized, "unauthenticated", textWrongPassword)
	}
	start, err := a.cfg.Accounts.BeginSignIn(ctx, email, req.address, now)
	if err != nil {
		return nil, err
	}
	if !start.Locked.IsZero() {
		return nil, a.locked(start)
	}
	ok, err := a.hasher.matches(ctx, in.Body.Password, start.Creds.Hash)
	if err != nil {
		return nil, err
	}
	if !ok {
		until, err := a.cfg.Accounts.FailSignIn(ctx, start, email, req.address, now)
		if err != nil {
			return nil, err
		}
		if !until.IsZero() {
			start.Locked = until
			return nil, a.locked(start)
		}
		return nil, problemf(http.StatusUnauthorized, "unauthenticated", textWrongPassword)
	}
	return h.open(ctx, start.Creds.User)
}

func (a *API) locked(start directory.SignInStart) *fault {
	f := problemf(http.StatusTooManyRequests, "locked", textLocked)
	f.until = start.Locked
	f.args = func(directory.Locale) []any { return []any{start.Locked.In(a.cfg.Zone).Format("15:04")} }
	return f
}

// open makes a session and its cookie.
func (h handlers) open(ctx context.Context, user directory.User) (SignInResponseObject, error) {
	a, req, now := h.api, requestIn(ctx), h.api.cfg.Now().UTC()
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("open session: %w", err)
	}
	var secret [32]byte
	rand.Read(secret[:]) // never fails since Go 1.24
	token := directory.NewToken(user.Org, base64.RawURLEncoding.EncodeToString(secret[:]))
	_, hash, ok := token.Split()
	if !ok {
		return nil, fmt.Errorf("open session: organisation %q is no UUID", user.Org)
	}
	err = a.cfg.Accounts.OpenSession(ctx, user, hash, directory.Session{ID: id.String(), Org: user.Org, User: user.ID,
		Created: now, LastSeen: now, Expires: now.Add(directory.IdleTimeout), UserAgent: req.userAgent,
		Address: req.address})
	if err != nil {
		return nil, err
	}
	who, _, err := a.find(ctx, token, a.cfg.Accounts.FindSession)
	if err != nil {
		return nil, err
	}
	me, err := a.me(ctx, who)
	if err != nil {
		return nil, err
	}
	cookie := a.cookie(token).String()
	return SignIn200JSONResponse{Body: me, Headers: SignIn200ResponseHeaders{SetCookie: &cookie}}, nil
}

// SignOut implements DELETE /api/session.
func (h handlers) SignOut(ctx context.Context, _ SignOutRequestObject) (SignOutResponseObject, error) {
	req := requestIn(ctx)
	if err := h.api.cfg.Accounts.EndSession(ctx, req.who.Scope(), req.session.ID, h.api.cfg.Now().UTC()); err != nil {
		return nil, err
	}
	cookie := h.api.cookie("").String()
	return SignOut204Response{Headers: SignOut204ResponseHeaders{SetCookie: &cookie}}, nil
}

// GetMe implements GET /api/me.
func (h handlers) GetMe(ctx context.Context, _ GetMeRequestObject) (GetMeResponseObject, error) {
	me, err := h.api.me(ctx, requestIn(ctx).who)
	return GetMe200JSONResponse(me), err
}

func (a *API) me(ctx context.Context, who directory.Identity) (Me, error) {
	var me Me
	org, err := a.cfg.Settings.Org(ctx, who.User.Org)
	if err != nil {
		return me, err
	}
	numbers, err := a.cfg.Settings.Numbers(ctx, who.User.Org)
	if err != nil {
		return me, err
	}
	me.User.ID, me.User.Name = string(who.User.ID), who.User.Name
	me.User.Email, me.User.Role = string(who.User.Email), string(who.User.Role)
	me.Organisation.ID, me.Organisation.Name, me.Organisation.Zone = string(org.ID), org.Name, org.Zone
	me.Permissions, me.Numbers = []string{}, []string{}
	for _, p := range who.Permissions {
		me.Permissions = append(me.Permissions, string(p))
	}
	for _, n := range numbers {
		me.Numbers = append(me.Numbers, string(n.Number))
	}
	return me, nil
}
