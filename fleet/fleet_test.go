package fleet

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/model/modeltest"
)

var began = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// host is the snapshot of a machine with one process that has one socket for each connection.
func host(name string, addresses []string, sockets ...model.InetDetail) Member {
	s := &model.Snapshot{
		Schema: model.Schema, Taken: began, Gaps: []model.Gap{}, Links: []*model.Link{}, Limits: []model.Limit{}, Waits: []model.Wait{}, Findings: []model.Finding{},
		Host:      model.Host{Hostname: name, BootID: "boot of " + name, Addresses: addresses, Namespaces: map[string]uint64{"pid": 4026531836, "net": 4026531840}},
		Scan:      model.Scan{Processes: 1, Duration: int64(20 * time.Millisecond)},
		Processes: []*model.Process{{PID: 31, PPID: 1, Comm: "server", Label: "server", State: "S", Threads: 1, Namespaces: map[string]uint64{"net": 4026531840}}},
	}
	for i, d := range sockets {
		s.Objects = append(s.Objects, &model.Object{
			ID: "tcp:" + string(rune('1'+i)), Kind: model.TCP, Namespace: &model.Namespace{Type: "net", Inode: 4026531840}, HoldersComplete: true,
			Holders: []model.Holder{{PID: 31, Comm: "server", Via: model.ViaFD, FD: model.Some(int32(3 + i)), Access: model.ReadWrite}}, Peers: []model.Peer{}, Detail: &d,
		})
	}
	return Member{name + ".json", s}
}

func tcp(local, remote string) model.InetDetail {
	return model.InetDetail{State: "ESTAB", Local: local, Remote: remote}
}

func merge(t *testing.T, members ...Member) *model.Snapshot {
	t.Helper()
	s, err := Merge(members)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// peers are the peers of all objects, as ID PEER CONFIDENCE.
func peers(s *model.Snapshot) []string {
	list := []string{}
	for _, o := range s.Objects {
		for _, p := range o.Peers {
			list = append(list, o.ID+" "+p.ID+" "+string(p.Confidence))
		}
	}
	return list
}

func TestMatch(t *testing.T) {
	client := tcp("10.0.0.1:40000", "10.0.0.2:80")
	server := tcp("10.0.0.2:80", "10.0.0.1:40000")
	for name, test := range map[string]struct {
		members []Member
		want    []string
		gap     string // part of the doubt in the gap; "": no gap
	}{
		"two ends": {
			[]Member{host("a", nil, client), host("b", nil, server)},
			[]string{"tcp:1@a tcp:1@b likely", "tcp:1@b tcp:1@a likely"},
			"",
		},
		"IPv4 in IPv6": {
			[]Member{host("a", nil, client), host("b", nil, tcp("[::ffff:10.0.0.2]:80", "[::ffff:10.0.0.1]:40000"))},
			[]string{"tcp:1@a tcp:1@b likely", "tcp:1@b tcp:1@a likely"},
			"",
		},
		"IPv6": {
			[]Member{host("a", nil, tcp("[2001:db8::1]:40000", "[2001:db8::2]:80")), host("b", nil, tcp("[2001:db8::2]:80", "[2001:db8::1]:40000"))},
			[]string{"tcp:1@a tcp:1@b likely", "tcp:1@b tcp:1@a likely"},
			"",
		},
		"loopback": {
			[]Member{host("a", nil, tcp("127.0.0.1:40000", "127.0.0.1:80")), host("b", nil, tcp("127.0.0.1:80", "127.0.0.1:40000"))},
			[]string{},
			"",
		},
		"addresses that a third host has too": {
			[]Member{host("a", nil, client), host("b", nil, server), host("c", []string{"10.0.0.2"})},
			[]string{"tcp:1@a tcp:1@b possible", "tcp:1@b tcp:1@a possible"},
			"several hosts have one of the addresses",
		},
		"two servers that could be meant": {
			[]Member{host("a", nil, client), host("b", nil, server), host("c", nil, server)},
			[]string{},
			"no peer was chosen",
		},
		"a published port": {
			[]Member{host("a", nil, client), host("b", []string{"10.0.0.2"}, tcp("172.17.0.3:8080", "10.0.0.1:40000"))},
			[]string{"tcp:1@a tcp:1@b possible", "tcp:1@b tcp:1@a possible"},
			"the server's address is another one",
		},
		"an address that is known and a connection that is not": {
			[]Member{host("a", nil, client), host("b", []string{"10.0.0.2"})},
			[]string{},
			"a host given has the address",
		},
		"nobody's": {[]Member{host("a", nil, client), host("b", nil)}, []string{}, ""},
		"listeners": {
			[]Member{host("a", nil, client), host("b", nil, model.InetDetail{State: "LISTEN", Local: "10.0.0.2:80", Remote: "0.0.0.0:0"})},
			[]string{},
			"a host given has the address",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := merge(t, test.members...)
			if got := peers(s); !slices.Equal(got, test.want) {
				t.Errorf("peers %q, want %q", got, test.want)
			}
			said := ""
			for _, g := range s.Gaps {
				said += g.Detail + "\n"
			}
			if test.gap == "" && said != "" || !strings.Contains(said, test.gap) {
				t.Errorf("said %q, want %q", said, test.gap)
			}
		})
	}
}

func TestRedactedAddressesAreNotMatched(t *testing.T) {
	a, b := host("a", nil, tcp("host-1:40000", "host-2:80")), host("b", nil, tcp("10.0.0.2:80", "10.0.0.1:40000"))
	a.Snapshot.Scan.Redacted = true
	s := merge(t, a, b)
	if got := peers(s); len(got) > 0 || len(s.Gaps) != 1 || s.Gaps[0].Host != "a" {
		t.Errorf("peers %q, gaps %v", got, s.Gaps)
	}
}

func TestLinksBetweenHosts(t *testing.T) {
	s := merge(t, host("a", nil, tcp("10.0.0.1:40000", "10.0.0.2:80")), host("b", nil, tcp("10.0.0.2:80", "10.0.0.1:40000")))
	if len(s.Links) != 1 || s.Links[0].From[0] != 10000031 || s.Links[0].To[0] != 20000031 || s.Links[0].FromComm[0] != "server@a" {
		t.Errorf("links %+v", s.Links)
	}
	if p := s.Process(20000031); p == nil || p.String() != "server(31)@b" || p.Host != "b" || p.PPID != 20000001 || s.PIDRef(p.PID) != "31@b" {
		t.Errorf("process %+v", p)
	}
}

// TestQualifiesAllReferences finds fields of a merged snapshot that still refer to one host only.
func TestQualifiesAllReferences(t *testing.T) {
	rich := modeltest.Rich()
	other := host("other", nil)
	s := merge(t, Member{"rich.json", rich}, other)
	n := 0
	var look func(v reflect.Value, ref, path string)
	look = func(v reflect.Value, ref, path string) {
		switch v.Kind() {
		case reflect.Pointer, reflect.Interface:
			if !v.IsNil() {
				look(v.Elem(), ref, path)
			}
		case reflect.Slice:
			for i := range v.Len() {
				look(v.Index(i), ref, path)
			}
		case reflect.Struct:
			if o, ok := v.Interface().(model.Opt[int]); ok {
				if pid, known := o.Get(); ref == "pid" && known && pid > 0 && pid < model.HostPIDs {
					t.Errorf("%s is %d", path, pid)
				}
				return
			}
			for i := range v.NumField() {
				if f := v.Type().Field(i); f.IsExported() {
					look(v.Field(i), f.Tag.Get("ref"), path+"."+f.Name)
				}
			}
		case reflect.Int, reflect.Int32:
			if ref == "pid" && v.Int() > 0 {
				n++
				if v.Int() < model.HostPIDs {
					t.Errorf("%s is %d", path, v.Int())
				}
			}
		case reflect.String:
			if (ref == "object" || ref == "name") && v.String() != "" {
				n++
				if !strings.HasSuffix(v.String(), "@db1") && !strings.HasSuffix(v.String(), "@other") {
					t.Errorf("%s is %q", path, v.String())
				}
			}
		}
	}
	look(reflect.ValueOf(s).Elem(), "", "")
	if n < 100 {
		t.Fatalf("only %d references were looked at", n)
	}
	again := modeltest.Rich()
	if !reflect.DeepEqual(again, rich) {
		t.Error("the host's own snapshot has changed")
	}
}

func TestNames(t *testing.T) {
	two := func(a, b string) []Member { return []Member{host(a, nil), host(b, nil)} }
	same := two("web", "web")
	same[0].Source, same[1].Source = "/var/a.rec", "b.rec@12:00"
	for _, test := range []struct {
		members []Member
		want    []string
	}{
		{two("web", "db"), []string{"web", "db"}},
		{same, []string{"a", "b"}},
		{two("a b\x1b[1m", "4026531840"), []string{"a_b__1m", "host-4026531840"}},
	} {
		if got := namesOf(test.members); !slices.Equal(got, test.want) {
			t.Errorf("names %q, want %q", got, test.want)
		}
	}
}

func TestRefuses(t *testing.T) {
	a, b := host("a", nil), host("b", nil)
	twice := host("a", nil)
	bad := host("c", nil)
	bad.Snapshot.Processes[0].PID = model.HostPIDs
	merged := Member{"ab.json", merge(t, a, b)}
	for name, members := range map[string][]Member{
		"the same machine": {a, twice}, "no pid": {a, bad}, "several hosts already": {a, merged}, "one host": {a},
	} {
		if _, err := Merge(members); err == nil {
			t.Errorf("%s was not refused", name)
		}
	}
	if _, err := Merge(slices.Repeat([]Member{a}, model.MaxHosts+1)); err == nil {
		t.Error("too many hosts were not refused")
	}
}

// TestClocks: host b's clock is an hour ahead. The client sent 2 s before a's scan, and got
// the answer 1.9 s before it.
func TestClocks(t *testing.T) {
	ago := func(d time.Duration) model.Opt[int64] { return model.Some(int64(d)) }
	client, server := tcp("10.0.0.1:40000", "10.0.0.2:80"), tcp("10.0.0.2:80", "10.0.0.1:40000")
	client.BytesAcked, client.BytesReceived, client.SendQueue = model.Some(int64(101)), model.Some(int64(500)), model.Some(int64(0))
	server.BytesAcked, server.BytesReceived, server.SendQueue = model.Some(int64(500)), model.Some(int64(100)), model.Some(int64(0))
	client.LastSend, client.LastRecv = ago(2000*time.Millisecond), ago(1900*time.Millisecond)
	server.LastRecv, server.LastSend = ago(6995*time.Millisecond), ago(6905*time.Millisecond)
	a, b := host("a", nil, client), host("b", nil, server)
	const ahead = time.Hour
	b.Snapshot.Taken = began.Add(5*time.Second + ahead) // it was scanned 5 s later
	s := merge(t, a, b)
	c := s.Hosts[1].Clock
	if c == nil || s.Hosts[0].Clock != nil || c.Against != "a" || c.Connections != 1 {
		t.Fatalf("clock %+v", c)
	}
	low, high := time.Duration(c.AheadMin.Or(0)), time.Duration(c.AheadMax.Or(0))
	if low > ahead || high < ahead || high-low > 300*time.Millisecond {
		t.Errorf("ahead by %v to %v, want bounds around %v", low, high, ahead)
	}
	if d := time.Duration(s.Scan.Duration); d < 4*time.Second || d > 6*time.Second {
		t.Errorf("it took %v, want 5 s", d)
	}

	// If a byte is still on its way, or was sent in between, the times say nothing.
	server.BytesReceived = model.Some(int64(90))
	b = host("b", nil, server)
	if s := merge(t, host("a", nil, client), b); s.Hosts[1].Clock != nil {
		t.Errorf("clock %+v from a connection that moved", s.Hosts[1].Clock)
	}
}

func TestClockByWayOfAnother(t *testing.T) {
	b := bounds{low: 10, high: 20, connections: 1}
	if got := b.reversed(); got.low != -20 || got.high != -10 {
		t.Errorf("reversed %+v", got)
	}
	if got := b.plus(bounds{low: 1, high: 2, connections: 3}); got != (bounds{11, 22, 1}) {
		t.Errorf("sum %+v", got)
	}
	if got := b.plus(unbounded().reversed()); got.low != unbounded().low || got.high != unbounded().high {
		t.Errorf("sum with nothing %+v", got)
	}
}

func vsock(name, local, remote string) Member {
	m := host(name, nil)
	m.Snapshot.Objects = []*model.Object{{
		ID: "vsock:1", Kind: model.Vsock, Holders: []model.Holder{{PID: 31, Comm: "server", Via: model.ViaFD}}, Peers: []model.Peer{},
		Detail: &model.VsockDetail{State: "ESTAB", Local: local, Remote: remote},
	}}
	return m
}

func TestVsock(t *testing.T) {
	hypervisor, guest := vsock("h", "2:1024", "5:700"), vsock("g", "*:700", "2:1024")
	both := []string{"vsock:1@g vsock:1@h likely", "vsock:1@h vsock:1@g likely"}
	for name, test := range map[string]struct {
		members []Member
		want    []string
	}{
		"host and guest":            {[]Member{hypervisor, guest}, both},
		"a guest that knows itself": {[]Member{hypervisor, vsock("g", "5:700", "2:1024")}, both},
		"another guest":             {[]Member{hypervisor, vsock("g", "6:700", "2:1024")}, []string{}},
		"two guests":                {[]Member{vsock("x", "*:1024", "2:700"), guest}, []string{}},
	} {
		got := peers(merge(t, test.members...))
		slices.Sort(got)
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: peers %q, want %q", name, got, test.want)
		}
	}
}
