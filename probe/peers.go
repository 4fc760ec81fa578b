package probe

import (
	"slices"

	"github.com/ipctop/ipctop/model"
)

// peer is an object at the other end, as a process or table named it.
type peer struct {
	to         *Entry
	confidence model.Confidence
	by         *emitted
}

// setPeers joins the peers that a process or table emitted. The records equal to those of
// the last scan, at the beginning and at the end of the list, are joined already.
func (j *joined) setPeers(s *emitted, r *result) {
	was, now := s.peers, r.out.peers
	same := 0
	for same < min(len(was), len(now)) && was[same].equal(now[same]) {
		same++
	}
	end := 0
	for end < min(len(was), len(now))-same && was[len(was)-1-end].equal(now[len(now)-1-end]) {
		end++
	}
	j.dropPeers(s, was[same:len(was)-end])
	for _, p := range now[same : len(now)-end] {
		from, to := j.at(p.from), j.at(p.to)
		from.peers = append(from.peers, peer{to, p.confidence, s})
		if to.named++; j.keep {
			to.namedBy = append(to.namedBy, from)
		}
		from.touch()
	}
	if !j.keep {
		return
	}
	s.peers = now
	if r.process == nil {
		clear(was)
		s.spare.peers = was[:0]
	}
}

// dropPeers removes peer records.
func (j *joined) dropPeers(s *emitted, list []peerRecord) {
	for i := range list {
		p := &list[i]
		from, to := j.entries[p.from], j.entries[p.to]
		if at := slices.Index(from.peers, peer{to, p.confidence, s}); at >= 0 {
			from.peers = slices.Delete(from.peers, at, at+1)
		}
		if to.named--; len(to.namedBy) > 8+2*int(to.named) {
			j.forgetNames(to)
		}
		from.touch()
		to.touch()
	}
}

// forgetNames removes from e.namedBy duplicates, and entries that no longer have e as their peer.
func (j *joined) forgetNames(e *Entry) {
	j.passes++
	e.namedBy = slices.DeleteFunc(e.namedBy, func(by *Entry) bool {
		return !by.firstInPass() || !slices.ContainsFunc(by.peers, func(p peer) bool { return p.to == e })
	})
}

// connect gives the objects the peers that a probe emitted after the join.
func (idx *Index) connect(out *Collector) {
	for _, p := range out.peers {
		if e := idx.joined.entries[p.from]; e != nil && e.listed() {
			e.rest().found = append(e.found(), p)
			e.touch()
		}
	}
	out.peers = nil
}

// Peers calls f for each object at the other end of e.
func (idx *Index) Peers(e *Entry, f func(peer *Entry, c model.Confidence)) {
	for _, p := range e.peers {
		if p.to.listed() {
			f(p.to, p.confidence)
		}
	}
	for _, p := range e.found() {
		if to := idx.joined.entries[p.to]; to != nil && to.listed() {
			f(to, p.confidence)
		}
	}
}

// peersNow lists the objects at the other end of e. It returns the list of the last
// scan if that is still right.
func (idx *Index) peersNow(e *Entry) []model.Peer {
	var space [4]model.Peer
	list := space[:0]
	add := func(to *Entry, c model.Confidence) {
		if to != nil {
			list = append(list, model.Peer{ID: to.Object.ID, Confidence: c})
		}
	}
	for i := range e.peers {
		p := &e.peers[i]
		to := p.to
		if !to.listed() {
			to, _ = idx.Lookup(to.Key)
		}
		add(to, p.confidence)
	}
	for _, p := range e.found() {
		to, _ := idx.Lookup(p.to)
		add(to, p.confidence)
	}
	list = sortPeers(list)
	switch {
	case len(list) == 0:
		return nil
	case e.last != nil && slices.Equal(list, e.last.Peers):
		return e.last.Peers
	}
	return slices.Clone(list)
}
