package probe

import "github.com/ipctop/ipctop/model"

// source is what an entry is made from, and how far it has been made.
type source struct {
	held    []model.Holder // by processes, as read
	records []record       // of the object; the first one counts
	peers   []peer         // as tables tell of them
	namedBy []*Entry       // entries that have this one as their peer
	more    *more          // nil for most entries

	in   *joined
	made *model.Object // the record that the object was made from
	last *model.Object // the object in the last snapshot that had one

	freshIn          int32 // the last scan in which it was made anew
	holdersMadeIn    int32 // … in which its holders were made anew
	holdersChangedIn int32 // … in which holders, or their descriptions, changed
	dropped          int32 // the last [joined].drops at which it lost holders
	lastPass         int32 // see [Entry.firstInPass]
	named            int32 // how many entries have it as their peer
	place            int32 // its place among the objects of the last snapshot; before the first one, its number of holders
	slot             int32 // its place among the entries of its space
	described        bool  // it was made after the join, not from emitted records
	holdersChanged   bool  // the holders have changed
	owned            bool  // they were changed after the join
	removed          bool  // it is no longer there
	touched          bool  // it is in joined.touched
	shown            bool  // the object is in a snapshot, or the probe that emitted it keeps it
	asEmitted        bool  // it is as it was emitted, and not in a snapshot yet
	placed           bool  // an object of it is in the last snapshot
	wasExcluded      bool  // it was excluded from that

	pipe *knownPipe // what the source told of a pipe or FIFO; nil: nothing
}

// more has the fields that few entries need.
type more struct {
	tabled []model.Holder // as a table tells of them
	found  []peerRecord   // peers that were found in this scan only
}

// rest returns the fields that few entries need, and makes them if needed.
func (e *Entry) rest() *more {
	if e.more == nil {
		e.more = new(more)
	}
	return e.more
}

// tabled returns the holders that a table told of.
func (e *Entry) tabled() []model.Holder {
	if e.more == nil {
		return nil
	}
	return e.more.tabled
}

// found returns the peers that were found in this scan only.
func (e *Entry) found() []peerRecord {
	if e.more == nil {
		return nil
	}
	return e.more.found
}
