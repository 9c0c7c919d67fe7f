package testenv

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/worker/embedded"
)

// TestDeletedStreamStaysDeleted while the server is slow to remove the files of
// an earlier one.
func TestDeletedStreamStaysDeleted(t *testing.T) {
	server, err := embedded.StartNATS(embedded.NATSOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err = withJetStream(server.URL(), func(js jetstream.JetStream) error {
		config := jetstream.StreamConfig{Name: "BILLING", Subjects: []string{"invoice.issued"}}
		if _, err := js.CreateStream(ctx, config); err != nil {
			return err
		}
		if _, err := js.Publish(ctx, "invoice.issued", nil); err != nil {
			return err
		}
		earlier := filepath.Join(server.Dir(), "jetstream", "$G", "streams", ".BILLING")
		if err := os.MkdirAll(filepath.Join(earlier, "msgs"), 0o700); err != nil {
			return err
		}
		removed := time.AfterFunc(100*time.Millisecond, func() { _ = os.RemoveAll(earlier) })
		defer removed.Stop()
		if err := deleteStreams(ctx, server.URL()); err != nil {
			return err
		}
		return await(ctx, func() error { // the server may still be in its directory
			next, err := js.CreateStream(ctx, config)
			if err == nil && next.CachedInfo().State.LastSeq != 0 {
				t.Errorf("%+v", next.CachedInfo().State)
			}
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}
