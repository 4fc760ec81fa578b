package model_test

import (
	"bytes"
	"fmt"
	"io"
	"log"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
)

// dump stands for a file that ipctop dump --json has written: os.Open("state.json").
func dump() io.Reader {
	var b bytes.Buffer
	if err := model.Encode(&b, modeltest.Rich()); err != nil {
		log.Fatal(err)
	}
	return &b
}

// Who is blocked, at what, and who could release it.
func ExampleDecode() {
	s, err := model.Decode(dump())
	if err != nil {
		log.Fatal(err)
	}
	for i := range s.Waits {
		w := &s.Waits[i]
		for _, b := range w.Blockers {
			fmt.Printf("%s(%d) needs %s at %s: %s(%d) %s\n", w.Comm, w.PID, w.Needs, w.Object, b.Comm, b.PID, b.Why)
		}
	}
	// Output: yes(812) needs space at pipe:4242: less(813) reads it
}

// Objects by their ids, and who holds them.
func ExampleIndex() {
	s, err := model.Decode(dump())
	if err != nil {
		log.Fatal(err)
	}
	x := model.NewIndex(s)
	o := x.Object("pipe:4242")
	for _, h := range o.Holders {
		fmt.Println(x.Name(int(h.PID)), h.Via, h.Access)
	}
	// Output:
	// yes(812) fd w
	// less(813) fd r
}

// A value that may be unknown is never taken for zero. What only one kind has is in its
// detail.
func ExampleOpt() {
	s, err := model.Decode(dump())
	if err != nil {
		log.Fatal(err)
	}
	for _, o := range s.Objects {
		d, ok := o.Detail.(*model.PipeDetail)
		if !ok || o.Kind != model.Pipe {
			continue
		}
		if queued, known := d.Queued.Get(); known {
			fmt.Println(o.ID, queued, "bytes")
		} else {
			fmt.Println(o.ID, "not known")
		}
	}
	// Output:
	// pipe:4242 65536 bytes
	// pipe:4243 0 bytes
	// pipe:4244 not known
	// pipe:4245 12 bytes
	// pipe:4246 100 bytes
}

// What went wrong, the worst first, as ipctop check has it.
func ExampleFinding() {
	s, err := model.Decode(dump())
	if err != nil {
		log.Fatal(err)
	}
	for i := range s.Findings {
		f := &s.Findings[i]
		fmt.Printf("%s, %s: %s\n", f.Severity, f.Confidence, f.Summary)
		if f.Root != nil {
			fmt.Printf("  %s(%d) is %s\n", f.Root.Comm, f.Root.PID, f.Root.Doing)
		}
	}
	// Output:
	// warning, likely: yes(812) waits for less(813)
	//   less(813) is idle
}

// Pairs of processes that communicate.
func ExampleLink() {
	s, err := model.Decode(dump())
	if err != nil {
		log.Fatal(err)
	}
	for _, l := range s.Links {
		if l.Kind != model.Unix {
			continue
		}
		for i, from := range l.From {
			for j, to := range l.To {
				fmt.Printf("%s(%d) %s(%d)\n", l.FromComm[i], from, l.ToComm[j], to)
			}
		}
	}
	// Output: nginx(9) php(12)
}
