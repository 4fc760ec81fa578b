package model

import "testing"

// A datagram socket to which others are connected names none of them as its peer.
func TestLinkNamedByOneEnd(t *testing.T) {
	held := func(id string, pid int32, peers ...Peer) *Object {
		return &Object{ID: id, Kind: Unix, Holders: []Holder{{PID: pid, Via: ViaFD, Access: ReadWrite}}, Peers: peers}
	}
	links := MakeLinks([]*Object{
		held("unix:1", 10), held("unix:2", 20, Peer{"unix:1", Certain}), held("unix:3", 30, Peer{"unix:4", Certain}),
		held("unix:4", 40, Peer{"unix:3", Certain}), held("unix:5", 50, Peer{"unix:6", Certain}),
	})
	if len(links) != 2 {
		t.Fatalf("links %+v", links)
	}
	for i, want := range [][2]int{{20, 10}, {30, 40}} {
		if l := links[i]; l.From[0] != want[0] || l.To[0] != want[1] {
			t.Errorf("link %+v, want %v", l, want)
		}
	}
}
