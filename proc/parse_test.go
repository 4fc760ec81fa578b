package proc

import (
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

func TestParseStat(t *testing.T) {
	const rest = " S 7 8 9 34819 8 4194304 1 0 0 0 0 0 0 0 20 0 5 0 157761 1 2 3"
	for name, line := range map[string]string{
		"plain":          "12 (bash)" + rest,
		"parentheses":    "12 (a) R (b)" + rest,
		"newline":        "12 (a\n1 (x) Z 1)" + rest,
		"empty name":     "12 ()" + rest,
		"not UTF-8":      "12 (\xff\xfe)" + rest,
		"trailing break": "12 (bash)" + rest + "\n",
	} {
		s, err := ParseStat([]byte(line))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := line[strings.IndexByte(line, '(')+1 : strings.LastIndexByte(line, ')')]
		if s.Comm != want || s.State != 'S' || s.Ppid != 7 || s.Pgrp != 8 || s.Session != 9 || s.TtyNr != 34819 ||
			s.Threads != 5 || s.StartTicks != 157761 {
			t.Errorf("%s: got %+v", name, s)
		}
	}
	for flags, want := range map[string]bool{"2129984": true, "2138176": true, "4194304": false} {
		line := "2 (kthreadd) S 0 0 0 0 -1 " + flags + " 0 0 0 0 0 0 0 0 20 0 1 0 12 0 0"
		if s, err := ParseStat([]byte(line)); err != nil || s.Kernel != want {
			t.Errorf("%q: it is a kernel thread: %t, want %t (%v)", line, s.Kernel, want, err)
		}
	}
	if _, err := ParseStat([]byte("2 (kthreadd) S 0 0 0 0 -1 x 0 0 0 0 0 0 0 0 20 0 1 0 12 0 0")); err == nil {
		t.Error("flags that are no number are taken")
	}
	const blank = " 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"
	for line, want := range map[string]int{
		"12 (cat) T" + strings.TrimPrefix(rest, " S") + blank + " 21": 21, // stopped by SIGTTIN
		"12 (cat) S" + strings.TrimPrefix(rest, " S") + blank + " 21": 0,
		"12 (cat) T" + strings.TrimPrefix(rest, " S"):                 0,
	} {
		if s, err := ParseStat([]byte(line)); err != nil || s.StopSignal != want {
			t.Errorf("%q: stop signal %d, want %d (%v)", line, s.StopSignal, want, err)
		}
	}
	for _, line := range []string{"", "12", "12 (bash", "12 )bash(" + rest, "12 (bash) S 1 2", "12 (bash)" + strings.Replace(rest, "157761", "x", 1)} {
		if _, err := ParseStat([]byte(line)); ReasonOf(err) != model.Malformed {
			t.Errorf("%q: error %v, want malformed", line, err)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("12 (a) R (b) S 7 8 9 34819 8 4194304 1 0 0 0 0 0 0 0 20 0 5 0 157761 1 2 3"))
	f.Add([]byte("12 (bash"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := ParseStat(b); err == nil && !strings.Contains(string(b), "("+s.Comm+")") {
			t.Errorf("%q: name %q is not in it", b, s.Comm)
		}
	})
}

func TestStatusField(t *testing.T) {
	status := []byte("Name:\tx\nNameX:\ty\nUid:\t1000\t1001\t0\t0\nNSpid:\t40\t1\nKthread:\t0\nTracerPid:\t7\nEmpty:\nLast: z")
	for name, want := range map[string]string{"Name": "x", "NameX": "y", "Last": "z", "Empty": "", "TracerPid": "7"} {
		if v, ok := StatusField(status, name); !ok || string(v) != want {
			t.Errorf("%s: got %q, %v; want %q", name, v, ok, want)
		}
	}
	if v, ok := StatusField(status, "Nam"); ok {
		t.Errorf("Nam: got %q, want none", v)
	}
}

func FuzzStatusField(f *testing.F) {
	f.Add([]byte("Name:\tx\nUid:\t1\t2"), "Uid")
	f.Fuzz(func(t *testing.T, status []byte, name string) {
		v, ok := StatusField(status, name)
		if !ok && v != nil {
			t.Error("a value without a line")
		}
	})
}

func TestParseMapsLine(t *testing.T) {
	var m MapsEntry
	shared, err := parseMapsLine([]byte("7f1a-7f2b rw-s 00001000 10:20 32771                      /SYSV000004d2 (deleted)"), &m)
	if err != nil || !shared || m.Start != 0x7f1a || m.End != 0x7f2b || m.Offset != 0x1000 || m.Dev != Dev(0x10, 0x20) || m.Ino != 32771 ||
		m.Perms != "rw-s" || string(m.Name) != "/SYSV000004d2 (deleted)" {
		t.Errorf("got %+v, shared %v, %v", m, shared, err)
	}
	if shared, err := parseMapsLine([]byte("7f1a-7f2b r-xp 00000000 fe:00 12 /usr/lib/a b"), &m); err != nil || shared || string(m.Name) != "/usr/lib/a b" {
		t.Errorf("got %+v, shared %v, %v", m, shared, err)
	}
	for _, line := range []string{"", "x", "7f1a rw-s 0 00:01 1", "7f1a-zz rw-s 0 00:01 1", "7f1a-7f2b rw 0 00:01 1"} {
		if _, err := parseMapsLine([]byte(line), &m); ReasonOf(err) != model.Malformed {
			t.Errorf("%q: error %v, want malformed", line, err)
		}
	}
}

func FuzzParseMapsLine(f *testing.F) {
	f.Add([]byte("7f1a-7f2b rw-s 00001000 10:20 32771                      /SYSV000004d2 (deleted)"))
	f.Fuzz(func(t *testing.T, line []byte) {
		var m MapsEntry
		if shared, err := parseMapsLine(line, &m); err == nil && shared != (m.Perms[3] == 's') {
			t.Errorf("%q: shared %v with %q", line, shared, m.Perms)
		}
	})
}

func TestParseCgroup(t *testing.T) {
	for text, want := range map[string]string{
		"0::/system.slice/nginx.service\n":                      "/system.slice/nginx.service",
		"12:cpu:/a\n1:name=systemd:/user.slice/x.scope\n0::/\n": "/user.slice/x.scope",
		"4:memory:/docker/abc\n":                                "/docker/abc",
		"0::/\n":                                                "/",
		"0::/a:b\n":                                             "/a:b",
		"garbage\n\n:::\n":                                      "",
		"":                                                      "",
		"0::/kubepods.slice/x\n12:cpu:/other\n":                 "/kubepods.slice/x",
		"1:name=systemd:/system.slice/a.service\n0::/unified/b": "/unified/b",
	} {
		if got := ParseCgroup([]byte(text)); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func FuzzParseCgroup(f *testing.F) {
	f.Add([]byte("12:cpu:/a\n1:name=systemd:/user.slice/x.scope\n0::/\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if path := ParseCgroup(b); path != "" && path[0] != '/' {
			t.Errorf("%q: %q", b, path)
		}
	})
}

func TestTTYName(t *testing.T) {
	for nr, want := range map[int]string{0: "", 34819: "/dev/pts/3", 4<<8 | 1: "/dev/tty1", 4<<8 | 64: "/dev/ttyS0", 5<<8 | 1: "/dev/console", 188 << 8: "188:0"} {
		if got := TTYName(nr); got != want {
			t.Errorf("%d: got %q, want %q", nr, got, want)
		}
	}
}

func TestMountTableLocal(t *testing.T) {
	m := NewMountTable([]Mount{
		{Point: "/", Type: "ext4"}, {Point: "/home", Type: "nfs4"}, {Point: "/home/local", Type: "xfs"}, {Point: "/mnt/s", Type: "fuse.sshfs"},
	})
	for path, want := range map[string]bool{
		"/etc/passwd": true, "/home/a/b": false, "/home": false, "/home/local/x": true, "/homes": true, "/mnt/s/x": false,
		"/mnt": true, "anon_inode:[eventfd]": true, "": true,
	} {
		if got := m.Local([]byte(path)); got != want {
			t.Errorf("%q: local %v, want %v", path, got, want)
		}
	}
	var unknown *MountTable
	if unknown.Local([]byte("/x")) || (&MountTable{}).Local([]byte("/x")) {
		t.Error("a path in an unknown mount namespace must count as foreign")
	}
}

func TestUnescapeName(t *testing.T) {
	for in, want := range map[string]string{`a\nb`: "a\nb", `a\\nb`: `a\nb`, `\\`: `\`, "plain": "plain", `a\\\nb`: "a\\\nb"} {
		if got := UnescapeName([]byte(in)); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
