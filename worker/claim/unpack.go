package claim

import (
	"strconv"
	"strings"
)

// unpack reads the fields of a string, by their names in the hash; false where it is none of ours.
func unpack(v string) (map[string]string, bool) {
	u := unpacking{rest: v, fields: map[string]string{}}
	u.netstring("e")
	u.netstring("m")
	u.netstring("t")
	if u.fields["m"] == "=" {
		u.fields["m"] = messageOf(u.fields["e"])
	}
	kind := u.cut(1)
	states := map[string]string{"c": "claimed", "r": "recorded", "p": "published"}
	if states[kind] == "" {
		return nil, false
	}
	u.fields["s"] = states[kind]
	calling, owner, until := u.cut(1), u.cut(ownerLength), u.cut(timeLength)
	recorded, perishes := u.cut(timeLength), u.cut(timeLength)
	u.bad = u.bad || strings.Trim(calling, "0123456789") != ""
	if kind == "p" {
		u.fields["q"] = strings.TrimLeft(owner, "0")
	} else {
		u.fields["c"], u.fields["o"], u.fields["u"] = calling, owner, until
	}
	if kind != "c" {
		u.fields["x"], u.fields["p"], u.fields["r"] = recorded, perishes, strings.TrimRight(u.rest, " ")
	}
	return u.fields, !u.bad
}

// unpacking is what is left of a string, and what was read of it.
type unpacking struct {
	rest   string
	fields map[string]string
	bad    bool
}

func (u *unpacking) cut(n int) (text string) {
	if n < 0 || len(u.rest) < n {
		u.bad, n = true, 0
	}
	text, u.rest = u.rest[:n], u.rest[n:]
	return text
}

func (u *unpacking) netstring(name string) {
	length, rest, found := strings.Cut(u.rest, ":")
	n, err := strconv.Atoi(length)
	if !found || err != nil {
		u.bad = true
		return
	}
	u.rest = rest
	u.fields[name] = u.cut(n)
}
