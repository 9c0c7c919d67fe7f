package deadletter

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Cause is a group of letters that have something in common.
type Cause struct {
	// Values are what they have in common, in the order of the keys.
	Values []string
	Count  int
	// First and Last are when the first and the last of them came into the stream.
	First, Last time.Time
	// Example is the id of the last one, 0 of [Others].
	Example uint64
}

// Keys by which letters are grouped.
const (
	KeyReason  = "reason"
	KeyCode    = "code"
	KeyDetail  = "detail"
	KeyStatus  = "status"
	KeyType    = "type"
	KeySubject = "subject"
	KeyWorker  = "worker"
)

// Keys returns all of them.
func Keys() []string {
	return []string{KeyReason, KeyCode, KeyDetail, KeyStatus, KeyType, KeySubject, KeyWorker}
}

// maxCauses bounds how many groups are kept apart.
const maxCauses = 10_000

// Others is the detail of the letters that belong to no group that is kept apart.
const Others = "(others)"

// Causes groups letters, as they are handed to Add.
type Causes struct {
	keys   []string
	groups map[string]*Cause
}

// GroupBy returns an empty grouping by these keys, out of [Keys].
func GroupBy(keys ...string) (*Causes, error) {
	if len(keys) == 0 {
		return nil, fmt.Errorf("no key to group by: there are %s", strings.Join(Keys(), ", "))
	}
	for i, key := range keys {
		if !slices.Contains(Keys(), key) {
			return nil, fmt.Errorf("%q is no key to group by: there are %s", key, strings.Join(Keys(), ", "))
		}
		if slices.Contains(keys[:i], key) {
			return nil, fmt.Errorf("%q is given twice", key)
		}
	}
	return &Causes{keys: keys, groups: map[string]*Cause{}}, nil
}

// Add counts one letter; an entry that is none counts as a group of its own.
func (c *Causes) Add(e *Entry) {
	values := make([]string, len(c.keys))
	for i, key := range c.keys {
		values[i] = valueOf(e, key)
	}
	group := c.group(values)
	group.Count++
	if group.First.IsZero() || e.Stored.Before(group.First) {
		group.First = e.Stored
	}
	if e.Stored.After(group.Last) {
		group.Last = e.Stored
	}
	if group.Values[0] != Others && e.ID > group.Example {
		group.Example = e.ID
	}
}

func (c *Causes) group(values []string) *Cause {
	id := strings.Join(values, "\x00")
	if group := c.groups[id]; group != nil {
		return group
	}
	if len(c.groups) >= maxCauses {
		values = make([]string, len(c.keys))
		values[0], id = Others, Others
		if group := c.groups[id]; group != nil {
			return group
		}
	}
	group := &Cause{Values: values}
	c.groups[id] = group
	return group
}

// Largest returns the groups, the largest first.
func (c *Causes) Largest() []*Cause {
	all := make([]*Cause, 0, len(c.groups))
	for _, group := range c.groups {
		all = append(all, group)
	}
	slices.SortFunc(all, func(a, b *Cause) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), b.Last.Compare(a.Last), slices.Compare(a.Values, b.Values))
	})
	return all
}

func valueOf(e *Entry, key string) string {
	l := e.Letter
	if l == nil {
		if key == KeyReason {
			return "(no dead letter)"
		}
		return ""
	}
	switch key {
	case KeyReason:
		return string(l.Reason)
	case KeyCode:
		return l.Code
	case KeyDetail:
		return Gist(l)
	case KeyStatus:
		if l.Status == 0 {
			return ""
		}
		return strconv.Itoa(l.Status)
	case KeyType:
		return l.Type
	case KeySubject:
		return l.Subject
	default:
		return l.Worker
	}
}

var (
	gistQuoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	gistID     = regexp.MustCompile(`\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b`)
)

// Gist is the letter's detail without what differs from letter to letter of one
// cause: its token, quoted values, ids and numbers. A number that they share, or the
// index of an item, goes too.
func Gist(l *Letter) string {
	text := l.Detail
	if token := clean(l.Token); len(token) >= minMasked {
		text = strings.ReplaceAll(text, token, "{checkoutToken}")
	}
	// Most details have none of these, and a million of them may be looked at.
	if strings.IndexByte(text, '"') >= 0 {
		text = gistQuoted.ReplaceAllString(text, `"…"`)
	}
	if strings.IndexByte(text, '-') >= 0 {
		text = gistID.ReplaceAllString(text, "{id}")
	}
	return withoutNumbers(text)
}

// withoutNumbers puts # for each number, points and commas between its digits
// included.
func withoutNumbers(text string) string {
	if !strings.ContainsAny(text, "0123456789") {
		return text
	}
	digit := func(i int) bool { return i < len(text) && '0' <= text[i] && text[i] <= '9' }
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if !digit(i) {
			b.WriteByte(text[i])
			continue
		}
		for digit(i+1) || i+1 < len(text) && strings.IndexByte(".:,", text[i+1]) >= 0 && digit(i+2) {
			i++
		}
		b.WriteByte('#')
	}
	return b.String()
}
