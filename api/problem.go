package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"ramal/call"
	"ramal/directory"
)

// fault is an error that this package itself decided on, with its words.
type fault struct {
	status int
	code   ProblemCode
	say    text
	args   func(directory.Locale) []any
	detail string
	until  time.Time
}

func (f *fault) Error() string { return string(f.code) + ": " + f.say.en }

func problemf(status int, code ProblemCode, say text) *fault {
	return &fault{status: status, code: code, say: say}
}

func forbidden(p directory.Permission) *fault {
	f := problemf(http.StatusForbidden, "forbidden", textForbidden)
	f.args = func(l directory.Locale) []any { return []any{permissionNames[p].in(l)} }
	f.detail = string(p)
	return f
}

// classes maps the class of an error to its status and words: the one table of the program.
var classes = map[call.Code]fault{
	call.Invalid:     {status: http.StatusBadRequest, code: "invalid", say: textInvalid},
	call.NotFound:    {status: http.StatusNotFound, code: "not_found", say: textNotFound},
	call.Conflict:    {status: http.StatusConflict, code: "conflict", say: textConflict},
	call.Forbidden:   {status: http.StatusForbidden, code: "forbidden", say: textForbidden},
	call.Unavailable: {status: http.StatusServiceUnavailable, code: "unavailable", say: textUnavailable},
	call.Internal:    {status: http.StatusInternalServerError, code: "internal", say: textInternal},
}

// explain turns any error into a fault. What is our own fault is logged, under a reference that the person is told.
func (a *API) explain(r *http.Request, err error) (f fault, reference string) {
	var known *fault
	var e *call.Error
	var httpError *echo.HTTPError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &known):
		return *known, ""
	case errors.As(err, &tooLarge):
		return fault{status: http.StatusRequestEntityTooLarge, code: "too_large", say: textTooLarge}, ""
	case errors.As(err, &e) && e.Code != call.Internal:
		f = classes[e.Code]
		f.detail = e.Message
		if e.Code == call.Forbidden {
			f.args = func(directory.Locale) []any { return []any{e.Message} }
		}
		if e.Code == call.Unavailable {
			a.cfg.Log.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "error", err)
		}
		return f, ""
	case errors.As(err, &httpError) && httpError.Code < 500:
		return fromEcho(httpError), ""
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		return classes[call.Unavailable], "" // the asker has gone: nobody reads this
	}
	reference = newReference()
	a.cfg.Log.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "reference", reference, "error", err)
	f = classes[call.Internal]
	f.args = func(directory.Locale) []any { return []any{reference} }
	return f, reference
}

// fromEcho explains what Echo and the generated code refuse by themselves.
func fromEcho(e *echo.HTTPError) fault {
	f := classes[call.Invalid]
	switch e.Code {
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		f = classes[call.NotFound]
	case http.StatusRequestEntityTooLarge:
		return fault{status: e.Code, code: "too_large", say: textTooLarge}
	}
	if s, ok := e.Message.(string); ok {
		f.detail = s
	}
	return f
}

func newReference() string {
	var b [3]byte
	rand.Read(b[:]) // never fails since Go 1.24
	s := strings.ToUpper(hex.EncodeToString(b[:]))
	return s[:4] + "-" + s[4:]
}

// writeProblem answers with application/problem+json (RFC 9457).
func (a *API) writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	f, reference := a.explain(r, err)
	lang := languageOf(r)
	var args []any
	if f.args != nil {
		args = f.args(lang)
	}
	p := Problem{Type: "about:blank", Title: f.say.in(lang, args...), Status: f.status, Code: f.code}
	if f.detail != "" {
		p.Detail = &f.detail
	}
	if reference != "" {
		p.Reference = &reference
	}
	if !f.until.IsZero() {
		p.Until = &f.until
	}
	body, err := json.Marshal(p)
	if err != nil {
		a.cfg.Log.ErrorContext(r.Context(), "encode problem", "error", err)
		w.WriteHeader(f.status)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Content-Language", string(lang))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(f.status)
	if _, err := w.Write(append(body, '\n')); err != nil {
		a.cfg.Log.DebugContext(r.Context(), "answer not delivered", "error", err)
	}
}

// handleError is Echo's error handler.
func (a *API) handleError(err error, c echo.Context) {
	if c.Response().Committed {
		a.cfg.Log.WarnContext(c.Request().Context(), "request failed after its answer had begun", "path", c.Path(),
			"error", err)
		return
	}
	a.writeProblem(c.Response(), c.Request(), err)
}
