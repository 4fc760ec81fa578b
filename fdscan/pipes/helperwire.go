package pipes

import (
	"encoding/binary"
	"io"
	"math"
	"slices"

	"github.com/ipctop/ipctop/guard"
)

// The messages between ipctop and the helper process: records of fixed size, without reflection, as there is one for
// every pipe on the machine.
//
// A batch of questions is its length in bytes, u64, followed by the questions. Its answers end with one to the
// question batchEnd.
//
// A question takes one row per descriptor, one after the other: question u32@0, pid i32@4, fd i32@8, owner's uid
// u32@12, scope u64@16, num u64@24, owner's pid i32@32. An answer is question u32@0, status i32@4, queued i64@8,
// capacity i64@16.
const (
	questionRowSize  = 40
	helperAnswerSize = 24

	batchEnd = math.MaxUint32
)

// encodeQuestions makes a batch of questions in the memory of b.
func encodeQuestions(b []byte, questions []pipeQuestion) []byte {
	rows := 0
	for _, q := range questions {
		rows += len(q.holders)
	}
	ne := binary.NativeEndian
	b = ne.AppendUint64(slices.Grow(b[:0], 8+rows*questionRowSize), uint64(rows*questionRowSize))
	for i, q := range questions {
		for _, d := range q.holders {
			b = ne.AppendUint32(b, uint32(i))
			b = ne.AppendUint32(b, uint32(d.pid))
			b = ne.AppendUint32(b, uint32(d.fd))
			b = ne.AppendUint32(b, q.owner.UID)
			b = ne.AppendUint64(b, q.scope)
			b = ne.AppendUint64(b, q.num)
			b = ne.AppendUint64(b, uint64(uint32(q.owner.PID)))
		}
	}
	return b
}

// readBatch reads the questions of one batch into the memory of b.
func readBatch(r io.Reader, b []byte) ([]byte, error) {
	var size [8]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := int(binary.NativeEndian.Uint64(size[:]))
	b = slices.Grow(b[:0], n)[:n]
	_, err := io.ReadFull(r, b)
	return b, err
}

// parseQuestions joins the rows of each question. ids are the numbers under
// which the answers are sent. The result does not refer to b.
func parseQuestions(b []byte) (questions []pipeQuestion, ids []uint32) {
	ne := binary.NativeEndian
	rows := len(b) / questionRowSize
	questions, ids = make([]pipeQuestion, 0, rows), make([]uint32, 0, rows)
	holders := make([]descriptor, 0, rows)
	for ; len(b) >= questionRowSize; b = b[questionRowSize:] {
		id := ne.Uint32(b)
		if n := len(ids); n == 0 || ids[n-1] != id {
			owner := guard.Owner{UID: ne.Uint32(b[12:]), PID: int32(ne.Uint32(b[32:]))}
			questions = append(questions, pipeQuestion{scope: ne.Uint64(b[16:]), num: ne.Uint64(b[24:]), owner: owner, holders: holders[len(holders):]})
			ids = append(ids, id)
		}
		holders = append(holders, descriptor{int32(ne.Uint32(b[4:])), int32(ne.Uint32(b[8:]))})
		q := &questions[len(questions)-1]
		q.holders = q.holders[:len(q.holders)+1]
	}
	return questions, ids
}

func appendAnswer(b []byte, id uint32, a pipeAnswer) []byte {
	ne := binary.NativeEndian
	b = ne.AppendUint32(b, id)
	b = ne.AppendUint32(b, uint32(a.status))
	b = ne.AppendUint64(b, uint64(a.queued))
	return ne.AppendUint64(b, uint64(a.capacity))
}

func parseAnswer(b []byte) (id uint32, a pipeAnswer) {
	ne := binary.NativeEndian
	return ne.Uint32(b), pipeAnswer{int32(ne.Uint32(b[4:])), int64(ne.Uint64(b[8:])), int64(ne.Uint64(b[16:]))}
}
