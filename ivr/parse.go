package ivr

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"ramal/call"
)

//go:embed flow.schema.json
var schemaDocument []byte

// Schema returns the JSON schema (draft 2020-12) of the flow document.
func Schema() []byte { return slices.Clone(schemaDocument) }

// Parse reads a flow document, checks it against the schema and then its structure: every node that is named exists,
// every node can be reached, and every path can come to an end. The error is call.Invalid and names the node.
func Parse(document []byte) (Flow, error) {
	schema, err := compileSchema()
	if err != nil {
		return Flow{}, err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return Flow{}, call.Errorf(call.Invalid, "flow: not a JSON document: %v", err)
	}
	if err := schema.Validate(value); err != nil {
		return Flow{}, call.Errorf(call.Invalid, "flow: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	var f Flow
	if err := json.Unmarshal(document, &f); err != nil {
		return Flow{}, call.Errorf(call.Invalid, "flow: %v", err)
	}
	return f, f.Check()
}

func compileSchema() (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaDocument))
	if err != nil {
		return nil, call.Errorf(call.Internal, "flow schema: %v", err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("flow.schema.json", doc); err != nil {
		return nil, call.Errorf(call.Internal, "flow schema: %v", err)
	}
	return c.Compile("flow.schema.json")
}

// Check says what is wrong with the flow's structure, nil when nothing is.
func (f Flow) Check() error {
	if _, ok := f.Nodes[f.Start]; !ok {
		return call.Errorf(call.Invalid, "flow: start: there is no node %q", f.Start)
	}
	for _, key := range slices.Sorted(maps.Keys(f.Nodes)) {
		for _, next := range f.Nodes[key].targets() {
			if _, ok := f.Nodes[next]; !ok {
				return call.Errorf(call.Invalid, "flow: node %q leads to %q, which does not exist", key, next)
			}
		}
	}
	reached := f.reachable(f.Start)
	for _, key := range slices.Sorted(maps.Keys(f.Nodes)) {
		if !reached[key] {
			return call.Errorf(call.Invalid, "flow: node %q can never be reached", key)
		}
		if !f.canEnd(key) {
			return call.Errorf(call.Invalid, "flow: from node %q no path comes to an end", key)
		}
	}
	return nil
}

// targets returns the nodes that n can lead to, in a fixed order.
func (n Node) targets() []string {
	var t []string
	if n.Next != "" {
		t = append(t, n.Next)
	}
	for _, digit := range slices.Sorted(maps.Keys(n.Options)) {
		t = append(t, n.Options[digit].Next)
	}
	if n.Fallback != "" {
		t = append(t, n.Fallback)
	}
	return t
}

func (f Flow) reachable(from string) map[string]bool {
	seen := map[string]bool{from: true}
	todo := []string{from}
	for len(todo) > 0 {
		key := todo[0]
		todo = todo[1:]
		for _, next := range f.Nodes[key].targets() {
			if !seen[next] {
				seen[next] = true
				todo = append(todo, next)
			}
		}
	}
	return seen
}

// canEnd says whether some path from the node reaches a queue or a hang-up.
func (f Flow) canEnd(from string) bool {
	reached := f.reachable(from)
	for _, key := range slices.Sorted(maps.Keys(reached)) {
		if t := f.Nodes[key].Type; t == ToQueue || t == HangUp {
			return true
		}
	}
	return false
}

// Prompts calls fn for every prompt of the flow, in a fixed order, and stores what it returns in its place. It is how
// publishing renders texts into files.
func (f Flow) Prompts(fn func(node string, p Prompt) (Prompt, error)) (Flow, error) {
	out := f
	out.Nodes = make(map[string]Node, len(f.Nodes))
	for _, key := range slices.Sorted(maps.Keys(f.Nodes)) {
		n := f.Nodes[key]
		for _, p := range []**Prompt{&n.Prompt, &n.Invalid, &n.NoInput} {
			if *p == nil {
				continue
			}
			q, err := fn(key, **p)
			if err != nil {
				return Flow{}, err
			}
			*p = &q
		}
		out.Nodes[key] = n
	}
	return out, nil
}
