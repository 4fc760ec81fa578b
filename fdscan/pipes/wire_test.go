package pipes

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/ipctop/ipctop/guard"
)

// Batches that reuse the same memory are decoded correctly. What was decoded from one does not
// change afterwards: a thread that got stuck may still read it.
func TestBatchesThroughTheSameMemory(t *testing.T) {
	first := []pipeQuestion{
		{scope: 1, num: 2, owner: guard.Owner{UID: 3, PID: 4}, holders: []descriptor{{5, 6}, {7, 8}}},
		{num: 9, holders: []descriptor{{10, 11}}},
	}
	second := []pipeQuestion{{num: 12, holders: []descriptor{{13, 14}, {15, 16}, {17, 18}}}}
	var out, in []byte
	var got [][]pipeQuestion
	for _, questions := range [][]pipeQuestion{first, second} {
		var err error
		out = encodeQuestions(out, questions)
		if in, err = readBatch(bytes.NewReader(out), in); err != nil {
			t.Fatal(err)
		}
		parsed, ids := parseQuestions(in)
		for i, id := range ids {
			if int(id) != i {
				t.Errorf("question %d has the id %d", i, id)
			}
		}
		got = append(got, parsed)
	}
	if want := [][]pipeQuestion{first, second}; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
