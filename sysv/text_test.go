package sysv

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
	"github.com/ipctop/ipctop/proc"
)

const msgText = `       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime
      1234          3   600          12          2   501   502  1000   100     0     0 1795261615          0 1795261600
         0      32772   644           0          0     0     0     0     0     0     0          0          0 1795261601
`

const semText = `       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime
-559038737          1   666          3     0     0     0     0          0 1795261600
`

const shmText = `       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap
         0          0  1600                  8192 12998 12998      1     0     0     0     0 1795261615          0 1795261615                  4096                     0
`

// shmTextOld is what kernels before 2.6.34 wrote.
const shmTextOld = `       key      shmid perms       size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime
      1234          7  2640       8192     9     8      0     5     6     7     8          0          0          1
`

func testNS() probe.NS {
	return probe.NS{Type: "ipc", Inode: 4026531839, Own: true, Scan: &probe.Scan{ProcRoot: "/proc", PIDCalls: true}}
}

func parseOne(t *testing.T, m *mechanism, text string) []record {
	t.Helper()
	records, errs := parseText([]byte(text), m.words)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return records
}

func TestMsgText(t *testing.T) {
	records := parseOne(t, msgMechanism, msgText)
	if len(records) != 2 {
		t.Fatalf("%d records", len(records))
	}
	o := queue(&records[0], testNS())
	d := o.Detail.(*model.SysvMsgDetail)
	if o.ID != "sysv-msg:3" || o.Name != "0x000004d2" || o.Mode != "0600" || o.UID != model.Some(1000) || o.GID != model.Some(100) ||
		o.SysvID != model.Some(3) || o.Gen != "" {
		t.Errorf("object %+v", o)
	}
	want := model.SysvMsgDetail{
		Key: "0x000004d2", CreatorUID: model.Some(0), Messages: model.Some[int64](2), Bytes: model.Some[int64](12), LastSendPID: model.Some(501),
		LastRecvPID: model.Some(502), SendTime: time.Unix(1795261615, 0).UTC(), ChangeTime: time.Unix(1795261600, 0).UTC(),
	}
	if !reflect.DeepEqual(*d, want) {
		t.Errorf("got  %+v\nwant %+v", *d, want)
	}
	if o.Fill.Known() {
		t.Error("the text does not tell the limit, so the fill is unknown")
	}
	if o := queue(&records[1], testNS()); o.Name != "private" || o.Detail.(*model.SysvMsgDetail).Key != "0x00000000" {
		t.Errorf("IPC_PRIVATE: %+v", o)
	}
}

func TestSemText(t *testing.T) {
	records := parseOne(t, semMechanism, semText)
	if len(records) != 1 || records[0].key() != "0xdeadbeef" || records[0].num(colSems) != model.Some(3) {
		t.Fatalf("got %+v", records)
	}
}

func TestShmText(t *testing.T) {
	r := parseOne(t, shmMechanism, shmText)[0]
	o := segment(&r, testNS())
	d := o.Detail.(*model.SysvShmDetail)
	if d.MarkedForRemoval != model.Some(true) || !o.Deleted || o.Mode != "0600" || o.Name != "" {
		t.Errorf("removed segment: %+v %+v", o, d)
	}
	if d.RSS != model.Some[int64](4096) || d.Swap != model.Some[int64](0) || d.Attached != model.Some[int64](1) || !d.DetachTime.IsZero() {
		t.Errorf("detail %+v", d)
	}
	r = parseOne(t, shmMechanism, shmTextOld)[0]
	o = segment(&r, testNS())
	d = o.Detail.(*model.SysvShmDetail)
	if d.RSS.Known() || d.Swap.Known() {
		t.Error("rss and swap are unknown where the kernel has no column for them")
	}
	if d.MarkedForRemoval != model.Some(false) || o.Mode != "0640" || o.UID != model.Some(5) || o.GID != model.Some(6) {
		t.Errorf("object %+v %+v", o, d)
	}
}

func TestTextColumnsByName(t *testing.T) {
	records := parseOne(t, msgMechanism, "new msqid cbytes\n 9 4 7\n")
	r := &records[0]
	if r.id() != 4 || r.opt(colBytes) != model.Some[int64](7) || r.key() != "" || r.opt(colMessages).Known() {
		t.Errorf("got %+v", r)
	}
}

func TestTextBadLineCostsThatLine(t *testing.T) {
	text := strings.Replace(shmTextOld, "\n", "\nx y\n 1 2 9 4 5 6 7 8 9 1 2 3 4 5\n 1 2 7 4 5 6 7 8 9 1 2 3 4 5 6\n", 1)
	records, errs := parseText([]byte(text), shmMechanism.words)
	if len(records) != 1 || records[0].id() != 7 || len(errs) != 3 {
		t.Fatalf("records %+v, errors %v", records, errs)
	}
	for i, want := range []string{"line 2: ", "line 3: ", "line 4: "} {
		if !strings.HasPrefix(errs[i].Error(), want) || !errors.Is(errs[i], proc.ErrMalformed) {
			t.Errorf("error %d: %v", i, errs[i])
		}
	}
	if _, errs := parseText([]byte("what is this\n1 2 3\n"), shmMechanism.words); len(errs) != 1 {
		t.Errorf("a heading without the identifier: %v", errs)
	}
}

func TestFillCountsEmptyMessages(t *testing.T) {
	var r record
	r.set(colBytes, 0)
	r.set(colMessages, 50)
	r.set(colMaxBytes, 100)
	if o := queue(&r, testNS()); o.Fill != model.Some(model.Ratio(0.5)) {
		t.Errorf("fill %v: the limit bounds the number of messages as well", o.Fill)
	}
}

func TestMergeMemory(t *testing.T) {
	var a, b, text record
	a.set(colID, 1)
	b.set(colID, 2)
	text.set(colID, 2)
	text.set(colRSS, 0)
	records := []record{a, b}
	mergeMemory(records, []record{text})
	if records[0].opt(colRSS).Known() || records[1].opt(colRSS) != model.Some[int64](0) || records[1].opt(colSwap).Known() {
		t.Errorf("got %+v", records)
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{msgText, semText, shmText, shmTextOld, "", "shmid\n1\n", "shmid shmid\n-1 2\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, m := range []*mechanism{msgMechanism, semMechanism, shmMechanism} {
			records, _ := parseText(b, m.words)
			for i := range records {
				r := &records[i]
				if r.id() < 0 {
					t.Fatalf("id %d", r.id())
				}
				queue(r, testNS())
				segment(r, testNS())
			}
		}
	})
}

func TestSegmentName(t *testing.T) {
	for name, want := range map[string]struct {
		key uint32
		ok  bool
	}{
		"/SYSV000004d2 (deleted)": {0x4d2, true},
		"/SYSVdeadbeef (deleted)": {0xdeadbeef, true},
		"/SYSV00000000 (deleted)": {0, true},
		"/SYSV00000000":           {},
		"/SYSV0000000 (deleted)":  {},
		"/SYSV-0000001 (deleted)": {},
		"/SYSV0000000g (deleted)": {},
		"/dev/zero (deleted)":     {},
		"":                        {},
	} {
		if key, ok := parseSegmentName([]byte(name)); key != want.key || ok != want.ok {
			t.Errorf("%q: %x, %v", name, key, ok)
		}
	}
}

func FuzzSegmentName(f *testing.F) {
	f.Add([]byte("/SYSV000004d2 (deleted)"))
	f.Fuzz(func(t *testing.T, b []byte) {
		key, ok := parseSegmentName(b)
		if ok && !strings.EqualFold("/SYSV"+keyText(key)[2:]+" (deleted)", string(b)) {
			t.Fatalf("%q is not %x", b, key)
		}
	})
}
