package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// visible makes foreign text fit for a terminal, on one line: what does not print
// (escapes, control characters, marks that turn the direction of writing) is shown
// as its number.
func visible(s string) string {
	s = strings.ToValidUTF8(s, string(utf8.RuneError))
	if strings.IndexFunc(s, unprintable) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case !unprintable(r):
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// cut stands where something is cut off.
const cut = "…"

// snipInside cuts text to a width in its middle.
func snipInside(s string, width int) string {
	if text.StringWidthWithoutEscSequences(s) <= width {
		return s
	}
	room := max(0, width-text.StringWidthWithoutEscSequences(cut))
	head := text.Trim(s, room/2)
	room -= text.StringWidthWithoutEscSequences(head)
	runes := []rune(s)
	from := len(runes)
	for from > 0 && text.RuneWidth(runes[from-1]) <= room {
		from--
		room -= text.RuneWidth(runes[from])
	}
	return head + cut + string(runes[from:])
}

// fold breaks text between words so that its lines have the width. What is longer,
// like an id, stays in one piece, or nobody could copy it.
func fold(s string, width int) []string {
	var rows []string
	row, columns := "", -1
	for word := range strings.SplitSeq(s, " ") {
		w := text.StringWidthWithoutEscSequences(word)
		switch {
		case columns < 0:
			row, columns = word, w
		case columns+1+w <= width:
			row, columns = row+" "+word, columns+1+w
		default:
			rows = append(rows, strings.TrimRight(row, " "))
			row, columns = word, w
		}
	}
	return append(rows, strings.TrimRight(row, " "))
}

// widthOf is how many columns the stream's terminal has, 0 where it is none.
func widthOf(stream any) int {
	file, ok := stream.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// colours reports whether the stream is to be coloured, see https://no-color.org.
func (a *app) colours(stream any) bool {
	noColor, _ := a.lookup("NO_COLOR")
	terminal, _ := a.lookup("TERM")
	return noColor == "" && terminal != "dumb" && isTerminal(stream)
}

// writeLine writes v as one line of JSON in which nothing can move a terminal.
func writeLine(out io.Writer, v any) error {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return err
	}
	_, err := out.Write(escapeJSON(line.Bytes()))
	return err
}

// escapeJSON escapes what JSON allows as it is and a terminal should not get. It
// stands in strings alone.
func escapeJSON(line []byte) []byte {
	raw := func(r rune) bool { return r < 0x7f || unicode.IsPrint(r) }
	if bytes.IndexFunc(line, func(r rune) bool { return !raw(r) }) < 0 {
		return line
	}
	var b bytes.Buffer
	for _, r := range string(line) {
		if raw(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.Bytes()
}
