package render

import (
	"fmt"
	"io"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// busy is a machine with 100,000 descriptors on 50,000 pipes.
func busy() *model.Snapshot {
	s := &model.Snapshot{Schema: model.Schema}
	for i := range 50000 {
		s.Objects = append(s.Objects, &model.Object{
			ID: fmt.Sprintf("pipe:%d", i+1), Kind: model.Pipe, Ino: model.Big(i + 1), HoldersComplete: true,
			Detail: &model.PipeDetail{Queued: model.Some(int64(i)), Capacity: model.Some(int64(65536))},
			Holders: []model.Holder{
				{PID: int32(i%500 + 1), Comm: "writer", Via: model.ViaFD, FD: model.Some(int32(1)), Access: model.Write},
				{PID: int32(i%500 + 600), Comm: "reader", Via: model.ViaFD, FD: model.Some(int32(0)), Access: model.Read},
			},
		})
	}
	return s
}

func BenchmarkWrite(b *testing.B) {
	s := busy()
	for _, format := range []string{"table", "csv", "json", "jsonl", "pid"} {
		b.Run(format, func(b *testing.B) {
			r := Request{Format: format, Options: Options{Width: 120}}
			for b.Loop() {
				if _, err := Write(io.Discard, &r, s, s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
