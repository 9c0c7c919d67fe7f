package main

import (
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// table prints rows as they come: the first page of them decides how wide its
// columns are. On a terminal each row is one line of it.
type table struct {
	out     io.Writer
	columns []column
	width   int // of the terminal; 0: none, and nothing is cut
	colours bool

	page   [][]string
	widths []int
}

// column is one of a table's.
type column struct {
	title string
	least int         // how narrow it may become on a terminal; 0: it is never cut
	paint text.Colors // on a terminal
}

// tablePage is how many rows decide on the widths.
const tablePage = 500

func (a *app) newTable(columns ...column) *table {
	return &table{out: a.stdout, columns: columns, width: widthOf(a.stdout), colours: a.colours(a.stdout)}
}

// row takes one row; its cells are foreign text.
func (t *table) row(cells ...string) error {
	for i := range cells {
		if cells[i] = visible(cells[i]); cells[i] == "" {
			cells[i] = "-"
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

const tableGap = "  "

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
	for ; t.width > 0 && total > t.width; total-- {
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
	for i, cell := range cells {
		if t.width > 0 && t.columns[i].least > 0 {
			cell = text.Snip(cell, t.widths[i], "…")
		}
		if i < last {
			cell = text.Pad(cell, t.widths[i], ' ')
		}
		if colours := t.columns[i].paint; paint && len(colours) > 0 {
			cell = colours.Sprint(cell)
		}
		b.WriteString(cell)
		if i < last {
			b.WriteString(tableGap)
		}
	}
	b.WriteByte('\n')
}
