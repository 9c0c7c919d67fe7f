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
func escapeJSON(text []byte) []byte {
	raw := func(r rune) bool { return r < 0x7f || unicode.IsPrint(r) }
	if bytes.IndexFunc(text, func(r rune) bool { return !raw(r) }) < 0 {
		return text
	}
	var b bytes.Buffer
	for _, r := range string(text) {
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
