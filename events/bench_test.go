package events

import (
	"strconv"
	"testing"

	"github.com/nats-io/nats.go"
)

func BenchmarkDecode(b *testing.B) {
	binary := nats.Header{"ce-specversion": {"1.0"}, "ce-id": {"42"}, "ce-source": {"/billing"}, "ce-type": {"invoice.issued"}}
	for _, bm := range []struct {
		name, subject string
		header        nats.Header
		data          string
	}{
		{"least", SubjectInvoiceIssued, binary, goodInvoice},
		{"full", SubjectInvoiceIssued, binary, fullInvoice},
		{"plain", SubjectInvoiceIssued, nil, fullInvoice},
		{"structured", SubjectInvoiceIssued, nil, `{"specversion":"1.0","id":"1","source":"/s","data":` + fullInvoice + `}`},
		{"session", SubjectSessionRequested, binary, goodSession},
		{"empty-currency", SubjectInvoiceIssued, binary, invoiceWith(`"destinations":[{"type":"ACCOUNT"}],"invoiceId":""`)},
	} {
		b.Run(bm.name, func(b *testing.B) {
			data := []byte(bm.data)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(bm.subject, bm.header, data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("invalid", func(b *testing.B) {
		data := []byte(invoiceWith(`"duration":1`))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Decode(SubjectInvoiceIssued, nil, data); err == nil {
				b.Fatal("valid")
			}
		}
	})
}

func BenchmarkEncodeLinkCreated(b *testing.B) {
	link := fullLink()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := EncodeLinkCreated("/linkworker", LinkCreatedID("inv-"+strconv.Itoa(i), ""), noon, link); err != nil {
			b.Fatal(err)
		}
	}
}
