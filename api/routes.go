package api

import (
	"fmt"
	"net/http"
	"sort"

	"github.com/labstack/echo/v4"

	"ramal/directory"
)

// access is what a route asks of whoever calls it: nothing (public), or one of some permissions.
type access struct {
	public bool
	anyOf  []directory.Permission
}

func public() access                             { return access{public: true} }
func needs(anyOf ...directory.Permission) access { return access{anyOf: anyOf} }

// routes says who may use which route. A route that is not here does not start, and an entry without a route neither.
// Those of the platform, which work for no organisation, stand at the end.
var routes = map[string]access{
	"POST /api/session":                  public(),
	"DELETE /api/session":                needs(directory.OwnProfile),
	"GET /api/me":                        needs(directory.OwnProfile),
	"GET /api/break-reasons":             needs(directory.TakeCalls, directory.ManageAgents),
	"POST /api/agents/me/state":          needs(directory.TakeCalls),
	"POST /api/agents/:agent/state":      needs(directory.ManageAgents),
	"GET /api/live":                      needs(directory.ViewLive),
	"GET /api/live/stream":               needs(directory.ViewLive),
	"GET /api/interactions":              needs(directory.ViewInteractions, directory.ViewOwnInteractions),
	"GET /api/interactions/:interaction": needs(directory.ViewInteractions, directory.ViewOwnInteractions),
	"GET /api/recordings/:interaction":   needs(directory.HearRecordings),

	"GET /":         public(),
	"GET /static/*": public(),
	"GET /healthz":  public(),
	"GET /readyz":   public(),
	"GET /metrics":  public(), // its handler asks for loopback or directory.ViewMetrics
}

// checkRoutes compares the table with what Echo serves.
func checkRoutes(served []*echo.Route) error {
	var faults []string
	seen := map[string]bool{}
	for _, r := range served {
		key := r.Method + " " + r.Path
		seen[key] = true
		if a, ok := routes[key]; !ok || !a.public && len(a.anyOf) == 0 {
			faults = append(faults, key+" has no entry in the permission table")
		}
	}
	for key := range routes {
		if !seen[key] {
			faults = append(faults, key+" stands in the permission table and is not served")
		}
	}
	if len(faults) == 0 {
		return nil
	}
	sort.Strings(faults)
	return fmt.Errorf("routes: %q", faults)
}

// authorise lets a request through when the table allows it to whoever sent it. What is not in the table is not found.
func (a *API) authorise(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		rule, ok := routes[c.Request().Method+" "+c.Path()]
		if !ok {
			return problemf(http.StatusNotFound, "not_found", textNotFound)
		}
		if rule.public {
			return next(c)
		}
		req := requestOf(c)
		if err := a.identify(c, req); err != nil {
			return err
		}
		for _, p := range rule.anyOf {
			if req.who.May(p) {
				return next(c)
			}
		}
		return forbidden(rule.anyOf[0])
	}
}
