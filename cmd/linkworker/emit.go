package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/linkworker/linkworker/config"
	"github.com/linkworker/linkworker/events"
)

// emitSource is the CloudEvents source of emitted events.
const emitSource = "/linkworker/emit"

// publishTimeout bounds the wait for one acknowledgement.
const publishTimeout = 10 * time.Second

func newEmitCommand(a *app) *cobra.Command {
	e := emitter{app: a}
	cmd := &cobra.Command{
		Use:   "emit invoice|session [FILE…] [flags]",
		Short: "Publish events from files or standard input",
		Long: `Publish invoice.issued or session.requested events. The input is the data of
events as JSON: one object, many (one a line or not), or arrays of them; from
files, or from standard input without a file or with the file -.

All input is checked against the event's schema first. When an event breaks it,
every bad field is named and nothing is published, unless --keep-going is given.
Unknown fields are warned of and left out.

Each published event is printed as a line with tabs in between: subject,
checkoutToken, sequence in the stream, and "duplicate" where the stream had the
event already. So an interrupted emit may be repeated: nothing is asked for
twice, but sessions without a requestId.`,
		Example: `  linkworker emit invoice invoices.json
  billing-export | linkworker emit invoice
  echo '{"checkoutToken":"invoice-1001","customer":{"email":"jane@example.com"}}' | linkworker emit session`,
		Args:      emitArgs,
		ValidArgs: []string{"invoice", "session"},
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.load(cmd, config.GroupNATS)
			if err != nil {
				return err
			}
			a.warn(cfg)
			e.subject = emitSubjects[args[0]]
			return e.run(cmd.Context(), cfg, args[1:])
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().BoolVarP(&e.keepGoing, "keep-going", "k", false, "publish the events that are right, though others are not; exits with 1 all the same")
	uses(cmd, config.GroupNATS)
	return cmd
}

var emitSubjects = map[string]string{"invoice": events.SubjectInvoiceIssued, "session": events.SubjectSessionRequested}

func emitArgs(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usagef("say what to emit: invoice or session")
	}
	if emitSubjects[args[0]] == "" {
		return usagef("cannot emit %q; emit invoice or session", args[0])
	}
	stdin := 0
	for _, name := range args[1:] {
		if name == "-" {
			stdin++
		}
	}
	if stdin > 1 {
		return usagef("standard input can be read once only")
	}
	return nil
}

type emitter struct {
	app       *app
	subject   string
	keepGoing bool

	producer  *events.Producer
	published int
	refused   int
}

// run checks all input, then reads it again to publish it: so no input has to
// fit into memory but one that cannot be read twice.
func (e *emitter) run(ctx context.Context, cfg *config.Config, names []string) error {
	inputs, err := e.app.openInputs(names)
	defer closeInputs(inputs)
	if err != nil {
		return err
	}
	total, err := e.check(ctx, inputs)
	switch {
	case err != nil:
		return err
	case e.refused > 0 && !e.keepGoing:
		return fmt.Errorf("nothing published: %d of %d events refused; mend them, or publish the others with --keep-going", e.refused, total)
	case total == 0:
		return errors.New("there is no event in the input")
	}
	g, err := openGuarded(cfg, e.app.natsFault)
	if err != nil {
		return err
	}
	defer g.close()
	ctx, end := g.within(ctx)
	defer end()
	e.producer = events.NewProducer(g.js, emitSource)
	if err := g.explain(e.publishAll(ctx, inputs)); err != nil {
		return fmt.Errorf("%w (%d events published; emitting all again publishes none of them twice but sessions without a requestId)", err, e.published)
	}
	if e.refused > 0 {
		return fmt.Errorf("published %d, refused %d", e.published, e.refused)
	}
	return nil
}

// check reads all inputs and tells of every fault and every unknown field.
func (e *emitter) check(ctx context.Context, inputs []*input) (total int, err error) {
	for _, in := range inputs {
		for item, err := range in.events() {
			if ctx.Err() != nil {
				return total, ctx.Err()
			}
			total++
			if err == nil {
				err = events.Validate(e.subject, item.data)
			}
			if err != nil {
				e.refused++
				e.tellFaults(item, err)
				continue
			}
			for _, path := range events.UnknownFields(e.subject, item.data) {
				e.app.sayf("warning: %s: %s is no field of %s and is left out", item, visible(path), e.subject)
			}
		}
	}
	return total, nil
}

func (e *emitter) tellFaults(item item, err error) {
	var invalid *events.InvalidError
	if !errors.As(err, &invalid) || len(invalid.Fields) == 0 {
		e.app.sayf("%s: %v", item, err)
		return
	}
	for _, field := range invalid.Fields {
		e.app.sayf("%s: %s", item, field)
	}
}

func (e *emitter) publishAll(ctx context.Context, inputs []*input) error {
	for _, in := range inputs {
		if err := in.rewind(); err != nil {
			return err
		}
		for item, err := range in.events() {
			if err == nil {
				err = events.Validate(e.subject, item.data)
			}
			if err != nil && e.keepGoing {
				continue // told of already
			}
			if err != nil {
				return fmt.Errorf("%s: changed while it was read", item)
			}
			if err := e.publish(ctx, item.data); err != nil {
				return fmt.Errorf("%s: %w", item, err)
			}
		}
	}
	return nil
}

// publish publishes one event that is known to be valid.
func (e *emitter) publish(ctx context.Context, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	// The attribute says that the data is no CloudEvent of its own.
	event, err := events.Decode(e.subject, nats.Header{"ce-specversion": {"1.0"}}, data)
	if err != nil {
		return err
	}
	var ack *jetstream.PubAck
	if event.Invoice != nil {
		ack, err = e.producer.PublishInvoice(ctx, event.Invoice)
	} else {
		ack, err = e.producer.RequestSession(ctx, event.Session)
	}
	if err != nil {
		return streamError(e.subject, err)
	}
	e.published++
	token := event.Token()
	if isTerminal(e.app.stdout) {
		token = visible(token)
	}
	line := fmt.Sprintf("%s\t%s\t%d", e.subject, token, ack.Sequence)
	if ack.Duplicate {
		line += "\tduplicate"
	}
	_, err = io.WriteString(e.app.stdout, line+"\n")
	return err
}
