package model_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// TestDecodeWithin: the memory for reading is counted, whatever the document contains.
func TestDecodeWithin(t *testing.T) {
	const most = 1 << 20
	for name, item := range map[string]struct{ before, item, after string }{
		"records":          {`"objects":[`, `{}`, `]`},
		"embedded records": {`"objects":[{"holders":[`, `{"lock_mode":"","offset":1}`, `]}]`},
		"pointers":         {`"processes":[`, `{"container":{},"signals":{}}`, `]`},
		"details":          {`"objects":[`, `{"kind":"tcp"}`, `]`},
		"lists of lists":   {`"waits":[{"clauses":[`, `[]`, `]}]`},
		"lists in lists":   {`"waits":[{"clauses":[`, `[1,2]`, `]}]`},
		"texts":            {`"objects":[{"aliases":[`, `""`, `]}]`},
		"map entries":      {`"host":{"namespaces":{`, `"%06d":1`, `}}`},
	} {
		t.Run(name, func(t *testing.T) {
			var doc strings.Builder
			doc.WriteString(`{"schema":"ipctop/1",` + item.before)
			for n := 0; doc.Len() < most/2; n++ {
				if n > 0 {
					doc.WriteByte(',')
				}
				if strings.Contains(item.item, "%") {
					fmt.Fprintf(&doc, item.item, n)
				} else {
					doc.WriteString(item.item)
				}
			}
			doc.WriteString(item.after + "}")
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := model.DecodeWithin(strings.NewReader(doc.String()), most)
			runtime.ReadMemStats(&after)
			if !errors.Is(err, model.ErrMemory) {
				t.Errorf("%d bytes of text: %v", doc.Len(), err)
			}
			// All memory that was ever allocated, including garbage of lists that grew.
			if took := after.TotalAlloc - before.TotalAlloc; took > 4*most/3 {
				t.Errorf("took %d KiB", took>>10)
			}
			if _, err := model.DecodeWithin(strings.NewReader(doc.String()), 1<<30); err != nil {
				t.Errorf("with much memory: %v", err)
			}
		})
	}
	if _, err := model.DecodeWithin(strings.NewReader(`{"schema":"ipctop/1"}`+strings.Repeat(" ", 1000)), 500); !errors.Is(err, model.ErrMemory) {
		t.Errorf("a text that is longer than the memory: %v", err)
	}
}
