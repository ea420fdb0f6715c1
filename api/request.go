package api

import (
	"context"
	"net"
	"net/http"

	"github.com/labstack/echo/v4"
	"golang.org/x/text/language"

	"ramal/directory"
)

// request is what the handlers need to know of the HTTP request beside its typed body.
type request struct {
	lang      directory.Locale
	address   string // network address, without port
	userAgent string
	token     directory.Token
	who       directory.Identity // set by identify
	session   directory.Session
}

type requestKey struct{}

// withRequest reads the request's circumstances once and puts them into its context.
func (a *API) withRequest(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		req := &request{lang: languageOf(r), address: remoteAddress(r), userAgent: r.UserAgent()}
		if cookie, err := r.Cookie(a.cookieName()); err == nil {
			req.token = directory.Token(cookie.Value)
		}
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), requestKey{}, req)))
		return next(c)
	}
}

func requestOf(c echo.Context) *request { return requestIn(c.Request().Context()) }

// requestIn returns the request of a handler's context; without withRequest it is an empty one, which may do nothing.
func requestIn(ctx context.Context) *request {
	if req, ok := ctx.Value(requestKey{}).(*request); ok {
		return req
	}
	return &request{lang: directory.Portuguese}
}

var spoken = language.NewMatcher([]language.Tag{language.BrazilianPortuguese, language.English})

// languageOf chooses Portuguese unless the browser asks for English rather.
func languageOf(r *http.Request) directory.Locale {
	tags, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil || len(tags) == 0 {
		return directory.Portuguese
	}
	if _, i, _ := spoken.Match(tags...); i == 1 {
		return directory.English
	}
	return directory.Portuguese
}

// remoteAddress is the address of the connection itself: a header could say anything.
func remoteAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
