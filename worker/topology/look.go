package topology

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"
)

// scene is what there is.
type scene struct {
	// streams has those that carry any of the subjects, and those of the default
	// names, by name.
	streams map[string]*jetstream.StreamInfo
	// carrier has the name of the stream that carries a subject.
	carrier map[string]string
	// consumers by subject.
	consumers map[string]*found
}

// found is a consumer that exists under a reader's name.
type found struct {
	consumer jetstream.Consumer // nil for a push consumer
	info     *jetstream.ConsumerInfo
}

// look asks for no more than it must: a user that may see only the streams of the
// default names gets on with these.
func look(ctx context.Context, js jetstream.JetStream) (*scene, error) {
	s := &scene{
		streams:   make(map[string]*jetstream.StreamInfo),
		carrier:   make(map[string]string),
		consumers: make(map[string]*found),
	}
	a := asker{js: js}
	for _, r := range roles {
		if err := s.findStreams(ctx, a, r); err != nil {
			return nil, err
		}
	}
	for _, r := range readers {
		stream, ok := s.carrier[r.subject]
		if !ok {
			continue
		}
		c, err := a.consumer(ctx, stream, r.name)
		if err != nil {
			return nil, err
		}
		if c != nil {
			s.consumers[r.subject] = c
		}
	}
	return s, nil
}

// findStreams finds what carries the role's subjects. What it sees it takes for
// all of them at the end: streams are made while it looks.
func (s *scene) findStreams(ctx context.Context, a asker, r role) error {
	if err := s.see(ctx, a, string(r)); err != nil {
		return err
	}
	for _, subject := range r.subjects() {
		if s.has(string(r), subject) {
			continue
		}
		name, err := a.streamOf(ctx, subject)
		if err != nil {
			return err
		}
		if name == "" {
			continue
		}
		if err := s.see(ctx, a, name); err != nil {
			return err
		}
	}
	for _, subject := range r.subjects() {
		for name := range s.streams {
			// No two streams of an account carry the same subject.
			if s.has(name, subject) {
				s.carrier[subject] = name
			}
		}
	}
	return nil
}

// see adds a stream where there is one of this name.
func (s *scene) see(ctx context.Context, a asker, name string) error {
	if s.streams[name] != nil {
		return nil
	}
	info, err := a.stream(ctx, name)
	if err == nil && info != nil {
		s.streams[name] = info
	}
	return err
}

func (s *scene) has(stream, subject string) bool {
	info := s.streams[stream]
	return info != nil && carries(info.Config.Subjects, subject)
}

// lacking lists the role's subjects that no stream carries.
func (s *scene) lacking(r role) (subjects []string) {
	for _, subject := range r.subjects() {
		if _, ok := s.carrier[subject]; !ok {
			subjects = append(subjects, subject)
		}
	}
	return subjects
}

// asker asks JetStream and explains why it could not.
type asker struct{ js jetstream.JetStream }

// stream is nil where there is none.
func (a asker) stream(ctx context.Context, name string) (info *jetstream.StreamInfo, err error) {
	right := "STREAM.INFO." + name
	err = a.ask(ctx, right, func(ctx context.Context) error {
		stream, err := a.js.Stream(ctx, name)
		if err == nil {
			info = stream.CachedInfo()
		}
		return ignore(err, jetstream.ErrStreamNotFound)
	})
	if err != nil {
		return nil, a.unseen(KindStream+" "+name, right, err)
	}
	return info, nil
}

// rightToFind is what it takes to find a stream of another name.
const rightToFind = "STREAM.NAMES"

// streamOf is the name of the stream that carries subject, "" where none does.
func (a asker) streamOf(ctx context.Context, subject string) (name string, err error) {
	err = a.ask(ctx, rightToFind, func(ctx context.Context) (err error) {
		name, err = a.js.StreamNameBySubject(ctx, subject)
		return ignore(err, jetstream.ErrStreamNotFound)
	})
	if err != nil {
		return "", a.unseen("the stream that carries "+subject, rightToFind, err)
	}
	return name, nil
}

// consumer is nil where there is none.
func (a asker) consumer(ctx context.Context, stream, name string) (c *found, err error) {
	right := "CONSUMER.INFO." + stream + "." + name
	err = a.ask(ctx, right, func(ctx context.Context) error {
		pull, err := a.js.Consumer(ctx, stream, name)
		switch {
		case err == nil:
			c = &found{consumer: pull, info: pull.CachedInfo()}
		case errors.Is(err, jetstream.ErrNotPullConsumer):
			var push jetstream.PushConsumer
			if push, err = a.js.PushConsumer(ctx, stream, name); err == nil {
				c = &found{info: push.CachedInfo()}
			}
		}
		// A stream that was removed since it was seen has no consumers either.
		return ignore(err, jetstream.ErrConsumerNotFound, jetstream.ErrStreamNotFound)
	})
	if err != nil {
		return nil, a.unseen(KindConsumer+" "+name, right, err)
	}
	return c, nil
}

// ignore is err, unless it is one of those.
func ignore(err error, those ...error) error {
	for _, one := range those {
		if errors.Is(err, one) {
			return nil
		}
	}
	return err
}
