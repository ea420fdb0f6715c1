package main

import (
	"fmt"
	"sort"
	"strconv"
)

// figure is one line of output.
type figure struct {
	name, value, unit, how string
}

// figures puts what was measured in the order of the table, with a line for each figure that is missing; figures that
// benchmarks reported under names which the table does not know follow by name.
func figures(got map[metric]string, freeswitch bool) []figure {
	own := ownNames(got)
	var all []figure
	values := map[string]string{}
	for _, want := range table {
		f := figure{name: want.name, value: "-", unit: want.unit, how: want.how}
		reported, isOwn := own[want.name]
		delete(own, want.name)
		switch {
		case isOwn && reported.unit != want.unit:
			f.how = fmt.Sprintf("reported in %s, but the table says %s", reported.unit, want.unit)
		case isOwn:
			f.value = reported.value
		case got[metric{want.bench, want.metric}] != "":
			f.value = got[metric{want.bench, want.metric}]
		case want.over != "":
			f.value, f.how = ratio(values[want.over], values[want.under], want)
		case want.freeswitch && !freeswitch:
			f.how = "needs FREESWITCH"
		default:
			f.how = "not measured: no benchmark reported it"
		}
		values[f.name] = f.value
		all = append(all, f)
	}
	rest := make([]figure, 0, len(own))
	for _, f := range own {
		rest = append(rest, f)
	}
	sort.Slice(rest, func(i, j int) bool { return rest[i].name < rest[j].name })
	return append(all, rest...)
}

// ownNames are the figures that benchmarks report under their names.
func ownNames(got map[metric]string) map[string]figure {
	own := map[string]figure{}
	for m, value := range got {
		if parts := figureUnit.FindStringSubmatch(m.unit); parts != nil {
			own[parts[1]] = figure{name: parts[1], value: value, unit: parts[2], how: m.bench}
		}
	}
	return own
}

func ratio(over, under string, want expected) (value, how string) {
	o, oerr := strconv.ParseFloat(over, 64)
	u, uerr := strconv.ParseFloat(under, 64)
	if oerr != nil || uerr != nil || u == 0 {
		return "-", fmt.Sprintf("not measured: needs %s and %s", want.over, want.under)
	}
	return strconv.FormatFloat(o/u, 'f', 2, 64), want.how
}
