package render

import (
	"io"
	"time"

	"github.com/ipctop/ipctop/model"
)

// header is the first record of a jsonl stream: the document without its lists.
type header struct {
	Schema string     `json:"schema"`
	Taken  time.Time  `json:"taken"`
	Host   model.Host `json:"host"`
	Scan   model.Scan `json:"scan"`

	Hosts []model.HostSnapshot `json:"hosts,omitzero"`
}

// writeJSONL writes one record per line, with its type first.
func writeJSONL(w io.Writer, s *model.Snapshot) error {
	head := []header{{s.Schema, s.Taken, s.Host, s.Scan, s.Hosts}}
	for _, write := range []func() error{
		func() error { return writeRecords(w, "snapshot", head) },
		func() error { return writeRecords(w, "process", s.Processes) },
		func() error { return writeRecords(w, "object", s.Objects) },
		func() error { return writeRecords(w, "link", s.Links) },
		func() error { return writeRecords(w, "wait", s.Waits) },
		func() error { return writeRecords(w, "traffic", s.Traffic) },
		func() error { return writeRecords(w, "finding", s.Findings) },
		func() error { return writeRecords(w, "gap", s.Gaps) },
		func() error { return writeRecords(w, "limit", s.Limits) },
	} {
		if err := write(); err != nil {
			return err
		}
	}
	return nil
}

func writeRecords[T any](w io.Writer, kind string, list []T) error {
	prefix := `{"type":"` + kind + `"`
	var b []byte
	for i := range list {
		b = append(b, prefix...)
		at := len(b)
		b = model.AppendJSON(b, &list[i])
		b[at] = ',' // replaces the opening brace of the record; no record is empty
		b = append(b, '\n')
		if len(b) > 32<<10 || i == len(list)-1 {
			if _, err := w.Write(b); err != nil {
				return err
			}
			b = b[:0]
		}
	}
	return nil
}
