package sysv

import (
	"testing"

	"github.com/ipctop/ipctop/model"
)

// TestBaseOfNumbers gives the numbers of a table values that would be different in
// another base: only permissions are octal.
func TestBaseOfNumbers(t *testing.T) {
	const text = "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n" +
		"2147483647 2147483647   20          16         10   255    9 2147483647   11  12  13      4294967295          0 16\n" +
		"-2147483648         16   777          010       9   10     16     0     0     0     0     0          0  255\n"
	records := parseOne(t, msgMechanism, text)
	if len(records) != 2 {
		t.Fatalf("%d records", len(records))
	}
	o := queue(&records[0], testNS())
	d := o.Detail.(*model.SysvMsgDetail)
	if o.ID != "sysv-msg:2147483647" || o.Name != "0x7fffffff" || o.Mode != "0020" || o.UID != model.Some(2147483647) || o.GID != model.Some(11) || d.CreatorUID != model.Some(12) ||
		d.Bytes != model.Some[int64](16) || d.Messages != model.Some[int64](10) || d.LastSendPID != model.Some(255) || d.LastRecvPID != model.Some(9) ||
		d.SendTime.Unix() != 4294967295 || d.ChangeTime.Unix() != 16 {
		t.Errorf("%+v %+v", o, d)
	}
	o = queue(&records[1], testNS())
	if d := o.Detail.(*model.SysvMsgDetail); o.ID != "sysv-msg:16" || o.Name != "0x80000000" || o.Mode != "0777" || d.Bytes != model.Some[int64](10) {
		t.Errorf("%+v %+v", o, d)
	}
}
