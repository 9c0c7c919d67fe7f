package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/linkworker/linkworker/worker/deadletter"
)

// drawn is a table as it looks at a width; 0 is no terminal.
func drawn(t *testing.T, width int, columns []column, rows ...[]string) string {
	t.Helper()
	var b strings.Builder
	table := &table{out: &b, columns: columns, width: width}
	for _, row := range rows {
		if err := table.row(slices.Clone(row)...); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.flush(); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if line = strings.TrimSuffix(line, "\n"); width > 0 && text.StringWidthWithoutEscSequences(line) > width {
			t.Errorf("wider than %d: %q", width, line)
		}
	}
	return b.String()
}

func TestTableFitsItsTerminal(t *testing.T) {
	columns := []column{{title: "ID"}, {title: "TOKEN", least: 10, inside: true}, {title: "DETAIL", prose: true}}
	rows := [][]string{
		{"12", "billing/2026/11/invoice-10029", "The destination account of this merchant is locked until the documents are there"},
		{"9", "請求書/2026/11/invoice-10028", ""},
		{"8", "\x1b[2J", "short"},
	}
	whole := slices.Clone(columns)
	whole[2].whole = true
	for name, tt := range map[string]struct {
		width   int
		columns []column
		want    string
	}{
		"no terminal": {0, columns, `
ID  TOKEN                          DETAIL
12  billing/2026/11/invoice-10029  The destination account of this merchant is locked until the documents are there
9   請求書/2026/11/invoice-10028   -
8   \u001b[2J                      short
`},
		"wide": {100, columns, `
ID  TOKEN                          DETAIL
12  billing/2026/11/invoice-10029  The destination account of this merchant is locked until the doc…
9   請求書/2026/11/invoice-10028   -
8   \u001b[2J                      short
`},
		"narrow": {60, columns, `
ID  TOKEN
    DETAIL
12  billing/2026/11/invoice-10029
    The destination account of this merchant is locked unti…
9   請求書/2026/11/invoice-10028
8   \u001b[2J
    short
`},
		"very narrow": {24, columns, `
ID  TOKEN
    DETAIL
12  billing/2…oice-10029
    The destination acc…
9   請求書/20…oice-10028
8   \u001b[2J
    short
`},
		"whole, wide": {80, whole, `
ID  TOKEN                          DETAIL
12  billing/2026/11/invoice-10029  The destination account of this merchant is
                                   locked until the documents are there
9   請求書/2026/11/invoice-10028   -
8   \u001b[2J                      short
`},
		"whole, narrow": {50, whole, `
ID  TOKEN
    DETAIL
12  billing/2026/11/invoice-10029
    The destination account of this merchant is
    locked until the documents are there
9   請求書/2026/11/invoice-10028
8   \u001b[2J
    short
`},
	} {
		if got := drawn(t, tt.width, tt.columns, rows...); "\n"+got != tt.want {
			t.Errorf("%s:\n%s\nwant:%s", name, got, tt.want)
		}
	}
}

// TestSummaryFitsItsTerminal draws what stands behind many letters.
func TestSummaryFitsItsTerminal(t *testing.T) {
	at := time.Date(2026, 5, 18, 11, 0, 0, 0, time.UTC)
	causes := []deadletter.Cause{
		{Values: []string{"invalid_event", "", "invalid invoice.issued: items[#].totalAmount must be a decimal string"}, Count: 10_000, First: at, Last: at},
		{Values: []string{"rejected", "11", "the account is locked"}, Count: 9, First: at, Last: at.Add(time.Minute)},
	}
	for width, want := range map[int]string{
		0: `
COUNT  FIRST                 LAST                  EXAMPLE  REASON         CODE  DETAIL
10000  2026-05-18T11:00:00Z  2026-05-18T11:00:00Z  123456   invalid_event  -     invalid invoice.issued: items[#].totalAmount must be a decimal string
9      2026-05-18T11:00:00Z  2026-05-18T11:01:00Z  123456   rejected       11    the account is locked
`,
		60: `
COUNT  FIRST (UTC)  LAST (UTC)   ID      REASON         CODE
    DETAIL
10000  05-18 11:00  05-18 11:00  123456  invalid_event  -
    invalid invoice.issued: items[#].totalAmount must be a
    decimal string
9      05-18 11:00  05-18 11:01  123456  rejected       11
    the account is locked
`,
		80: `
COUNT  FIRST (UTC)     LAST (UTC)      EXAMPLE  REASON         CODE
    DETAIL
10000  05-18 11:00:00  05-18 11:00:00  123456   invalid_event  -
    invalid invoice.issued: items[#].totalAmount must be a decimal string
9      05-18 11:00:00  05-18 11:01:00  123456   rejected       11
    the account is locked
`,
	} {
		columns, row := causesTable(width, []string{deadletter.KeyReason, deadletter.KeyCode, deadletter.KeyDetail})
		if got := drawn(t, width, columns, row(&causes[0], "123456"), row(&causes[1], "123456")); "\n"+got != want {
			t.Errorf("%d:\n%s\nwant:%s", width, got, want)
		}
	}
	keys := []string{deadletter.KeySubject, deadletter.KeyType, deadletter.KeyWorker}
	values := []string{"session.requested", "failedPrecondition", "v1.2.3-0.20260518110000"}
	for width, n := range map[int]int{60: 2, 80: 3, 120: 3, 200: 3} {
		columns, row := causesTable(width, keys[:n])
		drawn(t, width, columns, row(&deadletter.Cause{Values: values[:n]}, "1"))
	}
}

// What is longer than a line stays in one piece, so that it can be copied.
func TestFold(t *testing.T) {
	for _, tt := range []struct {
		s    string
		want []string
	}{
		{"", []string{""}},
		{"a bc  de", []string{"a bc", "de"}},
		{"one sha256-0123456789 two", []string{"one", "sha256-0123456789", "two"}},
		{"日本 語 x", []string{"日本", "語 x"}},
	} {
		if got := fold(tt.s, 5); !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q, want %q", tt.s, got, tt.want)
		}
	}
}

func TestSnipInside(t *testing.T) {
	for _, tt := range []struct {
		s     string
		width int
		want  string
	}{
		{"invoice-1001", 12, "invoice-1001"},
		{"invoice-1001", 11, "invoi…-1001"},
		{"日本語日本語", 8, "日…本語"},
		{"invoice", 1, "…"},
	} {
		got := snipInside(tt.s, tt.width)
		if got != tt.want || text.StringWidthWithoutEscSequences(got) > tt.width {
			t.Errorf("%q at %d: %q, want %q", tt.s, tt.width, got, tt.want)
		}
	}
}
