package softswitch

import "strings"

// variable is one channel variable.
type variable struct {
	name  string
	value string
}

// varSet holds a channel's variables in the order FreeSWITCH prints them: a variable that is set again moves to the end
// (switch_event headers are deleted and added). Names are compared without case. It is guarded by its leg's lock.
type varSet struct{ list []variable }

func (v *varSet) index(name string) int {
	for i := range v.list {
		if have := v.list[i].name; len(have) == len(name) && equalFold(have, name) {
			return i
		}
	}
	return -1
}

// get returns the value, or "" and false.
func (v *varSet) get(name string) (string, bool) {
	if i := v.index(name); i >= 0 {
		return v.list[i].value, true
	}
	return "", false
}

// set stores the value at the end; an empty value removes the variable.
func (v *varSet) set(name, value string) {
	if name == "" {
		return
	}
	if i := v.index(name); i >= 0 {
		v.list = append(v.list[:i], v.list[i+1:]...)
	}
	if value != "" {
		v.list = append(v.list, variable{name, value})
	}
}

// push adds to an array variable in FreeSWITCH's notation: one value plain, more as ARRAY::a|:b (recording 15).
func (v *varSet) push(name, value string) {
	i := v.index(name)
	if i < 0 {
		v.set(name, value)
		return
	}
	old := v.list[i].value
	if !strings.HasPrefix(old, "ARRAY::") {
		old = "ARRAY::" + old
	}
	v.list[i].value = old + "|:" + value
}

// isTrue is FreeSWITCH's switch_true.
func isTrue(s string) bool {
	switch strings.ToLower(s) {
	case "yes", "on", "true", "t", "enabled", "active", "allow":
		return true
	}
	return s != "" && s != "0" && strings.Trim(s, "0123456789") == ""
}

// carriesExpansion tells whether the text holds a ${: such a value is refused where FreeSWITCH checks it
// (switch_string_var_check_const).
func carriesExpansion(s string) bool { return strings.Contains(s, "${") }
