package api

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"ramal/directory"
)

// healthz says that the process answers.
func (a *API) healthz(c echo.Context) error {
	return c.JSON(http.StatusOK, map[string]string{"status": "ok"})
}

// probeTime bounds one probe.
const probeTime = 2 * time.Second

// readyz says whether everything works that calls and people need. Why something does not stands in the log only.
func (a *API) readyz(c echo.Context) error {
	status, word := http.StatusOK, "ready"
	checks := map[string]string{}
	for _, p := range a.cfg.Ready {
		ctx, cancel := context.WithTimeout(c.Request().Context(), probeTime)
		err := p.Check(ctx)
		cancel()
		checks[p.Name] = "ok"
		if err != nil {
			checks[p.Name] = "failed"
			status, word = http.StatusServiceUnavailable, "not ready"
			a.cfg.Log.WarnContext(c.Request().Context(), "not ready", "probe", p.Name, "error", err)
		}
	}
	return c.JSON(status, map[string]any{"status": word, "checks": checks})
}

// serveMetrics answers programs on this machine, and people with the permission. A request that a proxy passed on
// comes from this machine as well, so its headers give it away.
func (a *API) serveMetrics(c echo.Context) error {
	if !fromHere(c.Request()) {
		req := requestOf(c)
		if err := a.identify(c, req); err != nil {
			return err
		}
		if !req.who.May(directory.ViewMetrics) {
			return forbidden(directory.ViewMetrics)
		}
	}
	promhttp.HandlerFor(a.cfg.Metrics, promhttp.HandlerOpts{}).ServeHTTP(c.Response(), c.Request())
	return nil
}

func fromHere(r *http.Request) bool {
	for _, h := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if r.Header.Get(h) != "" {
			return false
		}
	}
	ip := net.ParseIP(remoteAddress(r))
	return ip != nil && ip.IsLoopback()
}
