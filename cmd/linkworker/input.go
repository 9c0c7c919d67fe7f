package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	// maxInputEvent bounds one JSON value of the input. It is above the largest
	// event, white space included, so that the schema's own limit speaks first.
	maxInputEvent = 8 << 20
	// maxPiped bounds an input that has to be kept in memory, because it can be
	// read only once.
	maxPiped = 256 << 20
)

// input is a source of events that can be read twice.
type input struct {
	name   string
	file   io.ReadSeeker
	closer io.Closer
}

// item is one event of an input.
type item struct {
	input  string
	number int // from 1
	data   []byte
}

// String names the event for messages: file and number.
func (i item) String() string { return fmt.Sprintf("%s: event %d", visible(i.input), i.number) }

// openInputs opens the named files; none, or -, is standard input. What was
// opened has to be closed also after an error.
func (a *app) openInputs(names []string) (inputs []*input, err error) {
	if len(names) == 0 {
		names = []string{"-"}
	}
	for _, name := range names {
		in, err := a.openInput(name)
		if err != nil {
			return inputs, err
		}
		inputs = append(inputs, in)
	}
	return inputs, nil
}

func (a *app) openInput(name string) (*input, error) {
	if name == "-" {
		if isTerminal(a.stdin) {
			a.sayf("reading events from the terminal; Ctrl-D ends them")
		}
		return twice(&input{name: "standard input"}, a.stdin, maxPiped)
	}
	file, err := os.Open(name) // #nosec G304 -- the file that the user names, read with the user's rights
	if err != nil {
		return nil, err
	}
	return twice(&input{name: name, closer: file}, file, maxPiped)
}

// twice makes r readable twice: a regular file is, all else is kept in memory,
// up to limit bytes.
func twice(in *input, r io.Reader, limit int) (*input, error) {
	if file, ok := r.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			in.file = file
			return in, nil
		}
	}
	data, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err == nil && len(data) > limit {
		err = fmt.Errorf("over %d MiB; write it to a file and emit that", limit>>20)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", in.name, err)
		if in.closer != nil {
			err = errors.Join(err, in.closer.Close())
		}
		return nil, err
	}
	in.file = bytes.NewReader(data)
	return in, nil
}

func (in *input) rewind() error {
	_, err := in.file.Seek(0, io.SeekStart)
	return err
}

func closeInputs(inputs []*input) {
	for _, in := range inputs {
		if in.closer != nil {
			_ = in.closer.Close() // only read from
		}
	}
}

// events yields the events: top-level values, and the elements of top-level
// arrays. After an error there is no more: where the next event begins cannot
// be known. An item's data is good until the next one.
func (in *input) events() iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		bounded := &boundedReader{from: in.file}
		// What is wrong inside an event is for its validation to tell.
		decoder := jsontext.NewDecoder(bounded, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		for number := 1; ; number++ {
			bounded.left = maxInputEvent
			data, err := nextValue(decoder)
			if err == io.EOF {
				return
			}
			next := item{input: in.name, number: number, data: data}
			if err != nil {
				yield(next, inputError(err))
				return
			}
			if !yield(next, nil) {
				return
			}
		}
	}
}

// nextValue reads the next event, stepping into and out of top-level arrays.
func nextValue(decoder *jsontext.Decoder) ([]byte, error) {
	for {
		kind := decoder.PeekKind()
		open := kind == '[' && decoder.StackDepth() == 0
		if !open && kind != ']' {
			return decoder.ReadValue()
		}
		if _, err := decoder.ReadToken(); err != nil {
			return nil, err
		}
	}
}

var errLongEvent = fmt.Errorf("over %d MiB for one event; an event has at most 256 KiB", maxInputEvent>>20)

// inputError says where JSON breaks, without the text there.
func inputError(err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, errLongEvent):
		return errLongEvent
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the JSON ends too early; nothing after it is read")
	case errors.As(err, &syntax):
		return fmt.Errorf("not JSON at byte %d of the input; nothing after it is read", syntax.ByteOffset)
	}
	return err
}

// boundedReader reads at most left bytes until left is set again.
type boundedReader struct {
	from io.Reader
	left int
}

func (r *boundedReader) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, errLongEvent
	}
	n, err := r.from.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}
