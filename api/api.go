package api

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"ramal/call"
	"ramal/web"
)

// API is the whole interface.
type API struct {
	cfg     Config
	spec    *openapi3.T
	hasher  *hasher
	names   names
	metrics *metrics
}

// handlers implements the generated StrictServerInterface.
type handlers struct{ api *API }

// New makes the handler of everything that is served by HTTP. It fails when something is missing, when a route has no
// entry in the permission table, or the other way round.
func New(cfg Config) (http.Handler, error) {
	if m := cfg.missing(); m != "" {
		return nil, fmt.Errorf("make the interface: %s is missing", m)
	}
	cfg.defaults()
	a := &API{cfg: cfg}
	a.names = names{api: a, org: map[call.OrgID]orgNames{}}
	var err error
	if a.spec, err = loadSpec(); err != nil {
		return nil, err
	}
	if a.hasher, err = newHasher(); err != nil {
		return nil, err
	}
	if a.metrics, err = newMetrics(cfg.Metrics); err != nil {
		return nil, err
	}
	e, err := a.router()
	if err != nil {
		return nil, err
	}
	if err := checkRoutes(e.Routes()); err != nil {
		return nil, err
	}
	// Requests that change something must come from a page of ours (Sec-Fetch-Site, Origin).
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.writeProblem(w, r, problemf(http.StatusForbidden, "forbidden", textCrossOrigin))
	}))
	return a.secured(guard.Handler(e)), nil
}

func (a *API) router() (*echo.Echo, error) {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = a.handleError
	e.Use(a.observe, a.recover, a.withRequest, a.authorise, a.validate)
	RegisterHandlers(e, NewStrictHandler(handlers{a}, nil))
	e.GET("/api/live/stream", a.streamLive)
	e.GET("/api/recordings/:interaction", a.getRecording)
	e.GET("/healthz", a.healthz)
	e.GET("/readyz", a.readyz)
	e.GET("/metrics", a.serveMetrics)
	pages, err := newPages(web.Files)
	if err != nil {
		return nil, err
	}
	e.GET("/", pages.index)
	e.GET("/static/*", pages.file)
	return e, nil
}

// policy is the Content-Security-Policy of every answer: everything from ourselves, nothing inline.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; media-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// secured sets the headers that tell browsers to trust nothing but us.
func (a *API) secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(self)")
		h.Set("Cache-Control", "no-store") // pages and files set their own
		h.Set("Vary", "Accept-Language, Cookie")
		if a.cfg.TLS {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// recover turns a panic into an internal error with its stack in the log.
func (a *API) recover(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler {
				panic(v)
			}
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}()
		return next(c)
	}
}

// metrics are the figures of this package.
type metrics struct {
	requests *prometheus.HistogramVec
	streams  prometheus.Gauge
	slow     prometheus.Counter
}

func newMetrics(r *prometheus.Registry) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "ramal_http_request_seconds",
			Help: "Time to answer a request, by route and status.", Buckets: prometheus.DefBuckets},
			[]string{"route", "status"}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{Name: "ramal_live_streams", Help: "Open live streams."}),
		slow: prometheus.NewCounter(prometheus.CounterOpts{Name: "ramal_live_streams_cut_total",
			Help: "Live streams cut off because the client did not keep up."}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.streams, m.slow} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

// observe measures requests; the route is Echo's pattern, so that identifiers make no series of their own. It answers
// errors itself, so that the status is known.
func (a *API) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began := time.Now()
		if err := next(c); err != nil {
			c.Error(err)
		}
		route := c.Path()
		if _, ok := routes[c.Request().Method+" "+route]; !ok {
			route = "other"
		}
		if route != "/api/live/stream" { // lasts as long as somebody watches
			a.metrics.requests.WithLabelValues(route, strconv.Itoa(c.Response().Status)).
				Observe(time.Since(began).Seconds())
		}
		return nil
	}
}
