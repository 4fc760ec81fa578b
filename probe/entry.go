package probe

import "github.com/ipctop/ipctop/model"

// source is what an entry is made of, and how far it has been made.
type source struct {
	held    []model.Holder // by processes, as they were read
	records []record       // of the object; the first counts
	peers   []peer         // as tables tell them
	namedBy []*Entry       // those of whose peers it is one
	more    *more          // nil as a rule

	in   *joined
	made *model.Object // the record that the object was made of
	last *model.Object // the object in the last snapshot that had one

	freshIn   int32 // the last scan in which it was made anew
	reheldIn  int32 // … and its holders
	movedIn   int32 // … and some of them were others, or had other descriptions
	dropped   int32 // the last drop that took holders away
	seen      int32 // see [joined.look]
	named     int32 // how many say that it is their peer
	place     int32 // where it was among the objects of the last snapshot; before there is one, how many holders it has
	slot      int32 // where it is among those of its space
	described bool  // it was not made of what was emitted, but after the join
	stale     bool  // the holders have changed
	owned     bool  // they were changed after the join
	left      bool  // it is no longer there
	touched   bool  // it is in joined.touched
	shown     bool  // the object is in a snapshot, or whoever emitted it has it, too
	raw       bool  // it is as it was emitted, and in no snapshot yet
	placed    bool  // some object of it is in the last snapshot
	wasGone   bool  // it was another's name then

	pipe *knownPipe // what the source told of a pipe or FIFO; nil: nothing
}

// more is what few entries have.
type more struct {
	tabled []model.Holder // by what a table says
	found  []peerRecord   // what was found of its peers in this scan alone
}

// rest makes room for what few entries have.
func (e *Entry) rest() *more {
	if e.more == nil {
		e.more = new(more)
	}
	return e.more
}

// tabled are the holders that a table told of.
func (e *Entry) tabled() []model.Holder {
	if e.more == nil {
		return nil
	}
	return e.more.tabled
}

// found is what was found of its peers in this scan.
func (e *Entry) found() []peerRecord {
	if e.more == nil {
		return nil
	}
	return e.more.found
}
