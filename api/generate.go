package api

//go:generate oapi-codegen -config oapi-codegen.yaml openapi.yaml
//go:generate sh -c "cd .. && sha256sum api/openapi.yaml api/oapi-codegen.yaml api/openapi.gen.go > api/openapi.gen.sum"
