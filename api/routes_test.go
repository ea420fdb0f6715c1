package api

import (
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"ramal/call"
	"ramal/directory"
)

func TestARouteWithoutAnEntryDoesNotStart(t *testing.T) {
	e := echo.New()
	for key := range routes {
		method, path, _ := strings.Cut(key, " ")
		e.Add(method, path, func(echo.Context) error { return nil })
	}
	if err := checkRoutes(e.Routes()); err != nil {
		t.Fatalf("the table as it is: %v", err)
	}
	e.GET("/api/secret", func(echo.Context) error { return nil })
	if err := checkRoutes(e.Routes()); err == nil || !strings.Contains(err.Error(), "GET /api/secret") {
		t.Errorf("a route without an entry: %v", err)
	}
	if err := checkRoutes(nil); err == nil {
		t.Error("entries without routes were accepted")
	}
}

func TestEveryOperationOfTheSpecificationHasAnEntryAndTheOtherWayRound(t *testing.T) {
	spec, err := loadSpec()
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{}
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			described[method+" "+path] = true
			if public := op.Security != nil && len(*op.Security) == 0; public != routes[method+" "+echoPath(path)].public {
				t.Errorf("%s %s: public in one place only", method, path)
			}
		}
	}
	for key := range routes {
		method, path, _ := strings.Cut(key, " ")
		if strings.HasPrefix(path, "/api/") && !described[method+" "+specPath(path)] {
			t.Errorf("%s does not stand in openapi.yaml", key)
		}
	}
}

func echoPath(path string) string { return strings.NewReplacer("{", ":", "}", "").Replace(path) }

func TestEveryClassOfErrorAndEveryPermissionHasWordsInBothLanguages(t *testing.T) {
	for _, c := range []call.Code{call.Invalid, call.NotFound, call.Conflict, call.Forbidden, call.Unavailable,
		call.Internal} {
		f, ok := classes[c]
		if !ok || f.say.pt == "" || f.say.en == "" || f.status < 400 || !f.code.Valid() {
			t.Errorf("class %s: %+v", c, f)
		}
	}
	for _, p := range directory.AllPermissions() {
		if n := permissionNames[p]; n.pt == "" || n.en == "" {
			t.Errorf("permission %s has no name", p)
		}
	}
}
