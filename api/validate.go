package api

import (
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/labstack/echo/v4"

	"ramal/call"
)

//go:embed openapi.yaml
var openAPI []byte

// maxBody bounds a request's body; nothing in this interface needs more.
const maxBody = 1 << 20

func loadSpec() (*openapi3.T, error) {
	loader := openapi3.NewLoader()
	spec, err := loader.LoadFromData(openAPI)
	if err != nil {
		return nil, fmt.Errorf("read openapi.yaml: %w", err)
	}
	if err := spec.Validate(loader.Context); err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	return spec, nil
}

// specPath is how openapi.yaml writes an Echo path: {name} instead of :name.
func specPath(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if strings.HasPrefix(p, ":") {
			parts[i] = "{" + p[1:] + "}"
		}
	}
	return strings.Join(parts, "/")
}

// validate refuses requests that are not what openapi.yaml says. Below /api everything must stand there.
func (a *API) validate(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		r.Body = http.MaxBytesReader(c.Response(), r.Body, maxBody)
		if !strings.HasPrefix(c.Path(), "/api/") {
			return next(c)
		}
		path := specPath(c.Path())
		item := a.spec.Paths.Value(path)
		if item == nil || item.GetOperation(r.Method) == nil {
			return fmt.Errorf("route %s %s does not stand in openapi.yaml", r.Method, path)
		}
		params := map[string]string{}
		for _, name := range c.ParamNames() {
			params[name] = c.Param(name)
		}
		err := openapi3filter.ValidateRequest(r.Context(), &openapi3filter.RequestValidationInput{
			Request: r, PathParams: params,
			Route: &routers.Route{Spec: a.spec, Path: path, PathItem: item, Method: r.Method,
				Operation: item.GetOperation(r.Method)},
			// Who asks was found out before: see authorise.
			Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
		})
		if err != nil {
			return invalid(err)
		}
		return next(c)
	}
}

// invalid tells which field is wrong without repeating its value, which may be a password.
func invalid(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return tooLarge
	}
	var field *openapi3.SchemaError
	if errors.As(err, &field) {
		return call.Errorf(call.Invalid, "/%s: %s", strings.Join(field.JSONPointer(), "/"), field.Reason)
	}
	var req *openapi3filter.RequestError
	if errors.As(err, &req) {
		if req.Parameter != nil {
			return call.Errorf(call.Invalid, "parameter %s: %s", req.Parameter.Name, req.Reason)
		}
		return call.Errorf(call.Invalid, "%s", req.Reason)
	}
	return call.Errorf(call.Invalid, "the request does not have the described form")
}
