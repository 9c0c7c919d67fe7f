package main

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/linkworker/linkworker/worker/deadletter"
)

func groupingOf(cmd *cobra.Command, keys string) (*deadletter.Causes, error) {
	if !cmd.Flags().Changed("group") {
		return nil, nil
	}
	causes, err := deadletter.GroupBy(strings.Split(keys, ",")...)
	if err != nil {
		return nil, usagef("--group: %w", err)
	}
	return causes, nil
}

// causeLine is a group for programs.
type causeLine struct {
	Count   int               `json:"count"`
	By      map[string]string `json:"by"`
	First   time.Time         `json:"first"`
	Last    time.Time         `json:"last"`
	Example string            `json:"example,omitzero"`
}

func (d *dlq) group(ctx context.Context, f *dlqFlags, keys []string, causes *deadletter.Causes) error {
	limit := f.filter.Limit
	f.filter.Limit = 0 // it is for what is printed
	found := 0
	err := d.list(ctx, f.filter, func(e *deadletter.Entry) error {
		causes.Add(e)
		found++
		return nil
	})
	if err != nil {
		return err
	}
	f.tellNone(d.app, found)
	columns, row := causesTable(widthOf(d.app.stdout), keys)
	t := d.app.newTable(columns...)
	for i, cause := range causes.Largest() {
		if i == limit && limit > 0 {
			break
		}
		example := ""
		if cause.Example > 0 {
			example = idText(cause.Example)
		}
		if f.json() {
			by := map[string]string{}
			for i, key := range keys {
				by[key] = cause.Values[i]
			}
			err = writeLine(d.app.stdout, causeLine{cause.Count, by, cause.First, cause.Last, example})
		} else {
			err = t.row(row(cause, example)...)
		}
		if err != nil {
			return err
		}
	}
	return t.flush()
}

// causesTable has the columns of a summary for a terminal of that width, and what makes
// its rows. The details come last: they are what it is read for.
func causesTable(width int, keys []string) ([]column, func(*deadletter.Cause, string) []string) {
	first, last, example, layout := "FIRST", "LAST", "EXAMPLE", time.RFC3339
	if 0 < width && width < narrow {
		first, last, layout = "FIRST (UTC)", "LAST (UTC)", shortTime
	}
	if 0 < width && width < slim {
		example, layout = "ID", shortestTime
	}
	columns := []column{{title: "COUNT"}, {title: first}, {title: last}, {title: example}}
	order := make([]int, 0, len(keys))
	for i, key := range keys {
		if key != deadletter.KeyDetail {
			order = append(order, i)
		}
	}
	if i := slices.Index(keys, deadletter.KeyDetail); i >= 0 {
		order = append(order, i)
	}
	for _, i := range order {
		c := column{title: strings.ToUpper(keys[i])}
		switch keys[i] {
		case deadletter.KeyReason:
			c.paint = text.Colors{text.FgYellow}
		case deadletter.KeyWorker, deadletter.KeySubject, deadletter.KeyType:
			c.least, c.inside = 8, true
		case deadletter.KeyDetail:
			c.prose, c.whole = true, true
		}
		columns = append(columns, c)
	}
	return columns, func(cause *deadletter.Cause, example string) []string {
		cells := []string{strconv.Itoa(cause.Count), cause.First.Format(layout), cause.Last.Format(layout), example}
		for _, i := range order {
			cells = append(cells, cause.Values[i])
		}
		return cells
	}
}
