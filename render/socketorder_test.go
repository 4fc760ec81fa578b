package render

import (
	"slices"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// TestSocketOrder: sockets are in the order that users of ss expect: those that serve first,
// then connections by address, with the two ends of a connection together.
func TestSocketOrder(t *testing.T) {
	tcp := func(ino, state, local, remote string, peers ...string) *model.Object {
		o := &model.Object{ID: "tcp:" + ino, Kind: model.TCP, Detail: &model.InetDetail{State: state, Local: local, Remote: remote}}
		for _, p := range peers {
			o.Peers = append(o.Peers, model.Peer{ID: "tcp:" + p})
		}
		return o
	}
	unix := func(ino, state, name string, peers ...string) *model.Object {
		o := &model.Object{ID: "unix:" + ino, Kind: model.Unix, Name: name, Detail: &model.UnixDetail{State: state, Path: name}}
		for _, p := range peers {
			o.Peers = append(o.Peers, model.Peer{ID: "unix:" + p})
		}
		return o
	}
	objects := []*model.Object{
		{ID: "pipe:9", Kind: model.Pipe},
		{ID: "pipe:10", Kind: model.Pipe},
		unix("20", "established", "", "23"),
		unix("21", "listen", "/run/b.sock"),
		unix("22", "established", "", "24"),
		unix("23", "established", "/run/b.sock", "20"),
		unix("24", "established", "", "22"),
		unix("25", "established", "", "26"), // it waits to be accepted
		unix("26", "listen", "/run/a.sock"),
		tcp("30", "ESTAB", "127.0.0.1:40000", "127.0.0.1:5432", "38"),
		tcp("31", "LISTEN", "*:80", "*:*"),
		tcp("32", "ESTAB", "10.0.0.10:40001", "203.0.113.7:443"),
		tcp("33", "ESTAB", "10.0.0.9:40001", "203.0.113.7:443"),
		tcp("34", "LISTEN", "127.0.0.1:9000", "0.0.0.0:*"),
		tcp("35", "LISTEN", "127.0.0.1:5432", "0.0.0.0:*"),
		tcp("36", "", "", ""),
		tcp("37", "ESTAB", "[::ffff:10.0.0.9]:40001", "[::ffff:203.0.113.7]:80"),
		tcp("38", "ESTAB", "127.0.0.1:5432", "127.0.0.1:40000", "30"),
		tcp("39", "ESTAB", "[2001:db8::1]:80", "[2001:db8::2]:1025"),
		tcp("40", "ESTAB", "127.0.0.1:5432", "127.0.0.1:30000"),
		{ID: "udp:50", Kind: model.UDP, Detail: &model.InetDetail{State: "ESTAB", Local: "10.0.0.9:500", Remote: "10.0.0.1:53"}},
		{ID: "udp:51", Kind: model.UDP, Detail: &model.InetDetail{State: "UNCONN", Local: "0.0.0.0:68", Remote: "0.0.0.0:*"}},
		{ID: "netlink:60", Kind: model.Netlink, Detail: &model.NetlinkDetail{Protocol: "route", PortID: model.Some[int64](7)}},
		{ID: "netlink:61", Kind: model.Netlink, Detail: &model.NetlinkDetail{Protocol: "audit", PortID: model.Some[int64](9)}},
		{ID: "netlink:62", Kind: model.Netlink},
		{ID: "vsock:70", Kind: model.Vsock, Detail: &model.VsockDetail{State: "ESTAB", Local: "2:1024", Remote: "3:1"}},
		{ID: "vsock:71", Kind: model.Vsock, Detail: &model.VsockDetail{State: "LISTEN", Local: "*:1024"}},
	}
	before := slices.Clone(objects)
	want := strings.Fields(`pipe:9 pipe:10
		unix:26 unix:21 unix:23 unix:20 unix:22 unix:24 unix:25
		tcp:35 tcp:34 tcp:31 tcp:37 tcp:33 tcp:32 tcp:40 tcp:38 tcp:30 tcp:39 tcp:36
		udp:51 udp:50 netlink:61 netlink:60 netlink:62 vsock:71 vsock:70`)
	var got []string
	for _, o := range inSocketOrder(objects) {
		got = append(got, o.ID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("order:\n%s\nwant:\n%s", strings.Join(got, " "), strings.Join(want, " "))
	}
	if !slices.Equal(objects, before) {
		t.Error("the list of the snapshot was changed")
	}
}
