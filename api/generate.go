package api

//go:generate env GOFLAGS= CGO_ENABLED=0 go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2 -config oapi-codegen.yaml openapi.yaml
//go:generate sh -c "cat openapi.yaml oapi-codegen.yaml | sha256sum | cut -d' ' -f1 > openapi.gen.sum"
