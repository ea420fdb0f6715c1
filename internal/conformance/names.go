package conformance

import (
	"fmt"
	"regexp"
)

var uuidPattern = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

const nilUUID = "00000000-0000-0000-0000-000000000000"

// uuidNames gives UUIDs symbolic names in order of appearance: leg1, leg2 …, job1 …, core, id1 …
type uuidNames struct {
	kinds map[string]string
	names map[string]string
	count map[string]int
}

func newUUIDNames() *uuidNames {
	return &uuidNames{map[string]string{}, map[string]string{nilUUID: "nobody"}, map[string]int{}}
}

// nameUUIDs knows what each UUID stands for from where it appears anywhere in the conversation.
func nameUUIDs(c Conversation) *uuidNames {
	n := newUUIDNames()
	for i := range c {
		n.learn(&c[i])
	}
	return n
}

var originated = regexp.MustCompile(`origination_uuid=(` + uuidPattern.String() + `)`)
var jobNamed = regexp.MustCompile(`Job-UUID: (` + uuidPattern.String() + `)`)

func (n *uuidNames) learn(item *Item) {
	for _, m := range originated.FindAllStringSubmatch(item.Text, -1) {
		n.kinds[m[1]] = "leg"
	}
	for _, m := range jobNamed.FindAllStringSubmatch(item.Text, -1) {
		n.kinds[m[1]] = "job"
	}
	for _, h := range item.Headers {
		switch h.Name {
		case "Unique-ID":
			n.kinds[h.Value] = "leg"
		case "Job-UUID":
			n.kinds[h.Value] = "job"
		case "Core-UUID":
			n.names[h.Value] = "core"
		}
	}
}

func (n *uuidNames) replace(text string) string {
	if len(text) < len(nilUUID) {
		return text
	}
	return uuidPattern.ReplaceAllStringFunc(text, n.name)
}

func (n *uuidNames) name(id string) string {
	if name, ok := n.names[id]; ok {
		return name
	}
	kind := n.kinds[id]
	if kind == "" {
		kind = "id"
	}
	n.count[kind]++
	n.names[id] = fmt.Sprintf("%s%d", kind, n.count[kind])
	return n.names[id]
}
