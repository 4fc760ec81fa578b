package sockets

import (
	"slices"
	"testing"
)

func TestPairAcross(t *testing.T) {
	end := func(namespace uint64, local, remote string) farEnd {
		return farEnd{local: unmapped(local), remote: unmapped(remote), namespace: namespace, key: Key(namespace)}
	}
	for name, c := range map[string]struct {
		ends []farEnd
		want []uint64 // from and to, each named by its namespace
	}{
		"a pair": {
			[]farEnd{end(1, "10.0.0.1:80", "10.0.0.2:3000"), end(2, "10.0.0.2:3000", "10.0.0.1:80")},
			[]uint64{1, 2, 2, 1},
		},
		"mapped": {
			[]farEnd{end(1, "[::ffff:10.0.0.1]:80", "[::ffff:10.0.0.2]:3000"), end(2, "10.0.0.2:3000", "10.0.0.1:80")},
			[]uint64{1, 2, 2, 1},
		},
		"same namespace": {[]farEnd{end(1, "10.0.0.1:80", "10.0.0.2:3000"), end(1, "10.0.0.2:3000", "10.0.0.1:80")}, nil},
		"two candidates": {
			[]farEnd{end(1, "10.0.0.1:80", "10.0.0.2:3000"), end(2, "10.0.0.2:3000", "10.0.0.1:80"), end(3, "10.0.0.2:3000", "10.0.0.1:80")},
			nil,
		},
		"another port": {[]farEnd{end(1, "10.0.0.1:80", "10.0.0.2:3000"), end(2, "10.0.0.2:3001", "10.0.0.1:80")}, nil},
		"nothing":      {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []uint64
			pairAcross(c.ends, func(from, to farEnd) { got = append(got, from.namespace, to.namespace) })
			if !slices.Equal(got, c.want) {
				t.Errorf("pairs %v, want %v", got, c.want)
			}
		})
	}
}

func TestListenerFor(t *testing.T) {
	to := func(addr [16]byte) endpoint { return endpoint{addr, 80} }
	v4 := endpoint{port: 80}
	v4.setV4(loopback4)
	any4 := endpoint{port: 80}
	any4.setV4([4]byte{})
	any6 := to([16]byte{})
	ends := []inetEnd{{ino: 10}, {ino: 11}, {ino: 12, v6only: true}}
	for name, c := range map[string]struct {
		listeners map[endpoint]int
		to        endpoint
		want      uint64
	}{
		"the address itself comes first": {map[endpoint]int{v4: 0, any4: 1}, v4, 10},
		"any IPv4 address":               {map[endpoint]int{any4: 1}, v4, 11},
		"any IPv6 address takes IPv4":    {map[endpoint]int{any6: 1}, v4, 11},
		"unless it is IPv6 only":         {map[endpoint]int{any6: 2}, v4, 0},
		"IPv6 only takes IPv6":           {map[endpoint]int{any6: 2}, to(loopback6), 12},
		"IPv4 does not take IPv6":        {map[endpoint]int{any4: 1}, to(loopback6), 0},
		"several share the port":         {map[endpoint]int{any4: ambiguous}, v4, 0},
		"none":                           {nil, v4, 0},
	} {
		t.Run(name, func(t *testing.T) { equal(t, "listener", listenerFor(c.listeners, ends, c.to), c.want) })
	}
}

func TestFlowsOf(t *testing.T) {
	f := flow{endpoint{port: 1}, endpoint{port: 2}}
	for name, c := range map[string]struct {
		inodes []uint64
		want   int
	}{
		"accepted while reading":      {[]uint64{0, 7}, 1},
		"accepted before the dump is": {[]uint64{7, 0}, 0},
		"listed twice":                {[]uint64{7, 7}, 0},
		"two of them":                 {[]uint64{7, 8}, ambiguous},
		"two of them, one again":      {[]uint64{7, 8, 7}, ambiguous},
	} {
		t.Run(name, func(t *testing.T) {
			var ends []inetEnd
			for _, ino := range c.inodes {
				ends = append(ends, inetEnd{flow: f, ino: ino, state: tcpEstab})
			}
			equal(t, "index", flowsOf(ends)[f], c.want)
		})
	}
}
