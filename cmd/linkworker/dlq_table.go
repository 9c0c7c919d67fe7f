package main

import (
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// table prints rows as they come: the first page of them decides how wide its
// columns are. Elsewhere than on a terminal nothing is cut, and a row is one line.
type table struct {
	out     io.Writer
	columns []column
	width   int // of the terminal; 0: none
	colours bool

	page    [][]string
	widths  []int
	beneath bool // the last column has lines of its own
}

// column is one of a table's.
type column struct {
	title string
	least int         // how narrow it may become on a terminal; 0: it is never cut
	paint text.Colors // on a terminal
	// inside cuts it in its middle, for what differs at its end.
	inside bool
	// prose is text, for the last column of a table: where little room is left for it
	// on a terminal, it stands beneath its row. It is cut to one line unless it is to
	// be whole.
	prose, whole bool
}

// nothing stands in a cell that is empty.
const nothing = "-"

// tablePage is how many rows decide on the widths.
const tablePage = 500

func (a *app) newTable(columns ...column) *table {
	return &table{out: a.stdout, columns: columns, width: widthOf(a.stdout), colours: a.colours(a.stdout)}
}

// row takes one row; its cells are foreign text.
func (t *table) row(cells ...string) error {
	for i := range cells {
		if cells[i] = visible(cells[i]); cells[i] == "" {
			cells[i] = nothing
		}
	}
	if t.page = append(t.page, cells); len(t.page) < tablePage {
		return nil
	}
	return t.flush()
}

// flush prints what is not printed yet.
func (t *table) flush() error {
	if len(t.page) == 0 {
		return nil
	}
	var b strings.Builder
	if t.widths == nil {
		t.measure()
		titles := make([]string, len(t.columns))
		for i, c := range t.columns {
			titles[i] = c.title
		}
		t.write(&b, titles, false)
	}
	for _, cells := range t.page {
		t.write(&b, cells, t.colours)
	}
	t.page = t.page[:0]
	_, err := io.WriteString(t.out, b.String())
	return err
}

const (
	tableGap    = "  "
	tableIndent = "    " // of what stands beneath a row
	// cutRoom and wholeRoom are from how many columns on text stands in its row.
	cutRoom, wholeRoom = 60, 36
)

// measure fits the columns to what is in them and, on a terminal, to its width: the
// widest of those that may be cut gives way first.
func (t *table) measure() {
	t.widths = make([]int, len(t.columns))
	total := len(tableGap) * (len(t.columns) - 1)
	for i, c := range t.columns {
		t.widths[i] = text.StringWidthWithoutEscSequences(c.title)
		for _, cells := range t.page {
			t.widths[i] = max(t.widths[i], text.StringWidthWithoutEscSequences(cells[i]))
		}
		total += t.widths[i]
	}
	if t.width == 0 || total <= t.width {
		return
	}
	last := len(t.columns) - 1
	if t.columns[last].prose {
		total -= t.widths[last] + len(tableGap)
		room, least := t.width-total-len(tableGap), cutRoom
		if t.columns[last].whole {
			least = wholeRoom
		}
		if room >= least {
			t.widths[last] = room
			return
		}
		t.beneath, t.widths[last] = true, max(10, t.width-len(tableIndent))
	}
	for ; total > t.width; total-- {
		widest := -1
		for i, c := range t.columns {
			if c.least > 0 && t.widths[i] > c.least && (widest < 0 || t.widths[i] > t.widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		t.widths[widest]--
	}
}

func (t *table) write(b *strings.Builder, cells []string, paint bool) {
	last := len(cells) - 1
	start := 0 // of the last column
	for i, cell := range cells[:last] {
		cell = t.fit(i, cell)[0]
		if i < last-1 || !t.beneath {
			cell = text.Pad(cell, t.widths[i], ' ') + tableGap
		}
		b.WriteString(t.paint(i, cell, paint))
		start += t.widths[i] + len(tableGap)
	}
	indent := strings.Repeat(" ", start)
	if t.beneath {
		if indent = tableIndent; cells[last] != nothing {
			b.WriteString("\n" + indent)
		}
	}
	if !t.beneath || cells[last] != nothing {
		for i, row := range t.fit(last, cells[last]) {
			if i > 0 {
				b.WriteString("\n" + indent)
			}
			b.WriteString(t.paint(last, row, paint))
		}
	}
	b.WriteByte('\n')
}

// fit is a cell's text in the rows that its column has room for.
func (t *table) fit(i int, cell string) []string {
	c := t.columns[i]
	switch {
	case t.width == 0:
	case c.whole:
		return fold(cell, t.widths[i])
	case c.inside:
		return []string{snipInside(cell, t.widths[i])}
	case c.least > 0 || c.prose:
		return []string{text.Snip(cell, t.widths[i], cut)}
	}
	return []string{cell}
}

func (t *table) paint(i int, cell string, paint bool) string {
	if colours := t.columns[i].paint; paint && len(colours) > 0 {
		return colours.Sprint(cell)
	}
	return cell
}
