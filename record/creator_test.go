package record

import (
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
)

func TestNamesCreators(t *testing.T) {
	f := &memory{}
	w, err := Create(f, Keep{})
	if err != nil {
		t.Fatal(err)
	}
	// maker lives in the first minute; its pid is another's in the third.
	for minute, comm := range []string{"maker", "", "other"} {
		s := newMachine(2, 2).snap
		s.Taken = began.Add(time.Duration(minute) * time.Minute)
		if comm != "" {
			s.Processes = append(s.Processes, &model.Process{
				PID: 77, Comm: comm, Cmdline: []string{comm, "-x"}, StartTime: s.Taken.Add(-10 * time.Second),
			})
		}
		if err := w.Append(s); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name string
		made time.Duration // after the first sample
		pid  int
		boot string
		live bool
		want string
	}{
		{"before a sample", -5 * time.Second, 77, "", false, "maker"},
		{"after a sample", 20 * time.Second, 77, "", false, "maker"},
		{"by nobody who was seen", 70 * time.Second, 77, "", false, ""},
		{"by the next who had the pid", 115 * time.Second, 77, "", false, "other"},
		{"by another pid", 0, 78, "", false, ""},
		{"by one who lives", 0, 77, "", true, ""},
		{"before the machine was started", 0, 77, "other", false, ""},
	} {
		d := &model.SysvShmDetail{CreatorPID: model.Some(test.pid), ChangeTime: began.Add(test.made)}
		s := newMachine(1, 1).snap
		s.Objects = []*model.Object{{Kind: model.SysvShm, Detail: d}}
		if test.boot != "" {
			s.Host.BootID = test.boot
		}
		if test.live {
			s.Processes = append(s.Processes, &model.Process{PID: 77, StartTime: began.Add(-time.Hour)})
		}
		if err := NameCreators(s, open(t, f.b)); err != nil {
			t.Fatal(err)
		}
		if d.CreatorComm != test.want || (len(d.CreatorCmdline) == 2) != (test.want != "") {
			t.Errorf("%s: %q %q, want %q", test.name, d.CreatorComm, d.CreatorCmdline, test.want)
		}
	}
}
