package events

import (
	"reflect"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// TestBaseOfNumbers gives every number in the kernel's texts a value that would
// be different, or invalid, in another base.
func TestBaseOfNumbers(t *testing.T) {
	some := func(n int64) model.Opt[int64] { return model.Some(n) }
	for name, c := range map[string]struct {
		parse func([]byte) (any, error)
		text  string
		want  any
	}{
		"eventfd": {
			as(parseEventfd), "eventfd-count:               1f\neventfd-id: 20\n",
			eventfdInfo{EventfdDetail: model.EventfdDetail{Count: model.Some(model.Big(31))}, id: some(20)},
		},
		"signalfd": {as(parseSignalfd), "sigmask:\t0000000000000010\n", &model.SignalfdDetail{Signals: []string{"SIGTRAP" /* 5 */}}},
		"timerfd": {as(parseTimerfd), "clockid: 11\nticks: 20\nsettime flags: 010\nit_value: (20, 30)\nit_interval: (40, 50)\n", &model.TimerfdDetail{
			Clock: "11", Ticks: some(20), Flags: []string{"0x8"}, Remaining: some(20e9 + 30), Interval: some(40e9 + 50),
		}},
		"inotify": {as(parseInotify), "inotify wd:1f ino:20 sdev:1000010 mask:10 ignored_mask:0\n", &model.InotifyDetail{Watches: []model.InotifyWatch{
			{WD: model.Some(31), Ino: 32, Dev: "16:16", Events: []string{"IN_CLOSE_NOWRITE"}},
		}}},
		"fanotify": {
			as(parseFanotify), "fanotify flags:10 event-flags:0\nfanotify mnt_id:10 mflags:0 mask:10 ignored_mask:20\n" +
				"fanotify sdev:1000010 mflags:0 mask:40 ignored_mask:0\nfanotify ino:20 sdev:10 mflags:0 mask:80 ignored_mask:0\n",
			&model.FanotifyDetail{Class: "notif", Flags: []string{"FAN_UNLIMITED_QUEUE"}, Watches: []model.FanotifyWatch{
				{Type: markMount, MountID: model.Some(16), Events: []string{"FAN_CLOSE_NOWRITE"}, Ignored: []string{"FAN_OPEN"}},
				{Type: markFilesystem, Dev: "16:16", Events: []string{"FAN_MOVED_FROM"}},
				{Type: markInode, Ino: 32, Dev: "0:16", Events: []string{"FAN_MOVED_TO"}},
			}},
		},
		"pidfd": {as(parsePidfd), "flags:\t02000202\nPid:\t20\nNSpid:\t20\t30\n", &model.PidfdDetail{TID: model.Some(20), NSPIDs: []int{30}, Ended: model.Some(false)}},
		"io_uring": {
			as(parseIOUring), "SqMask:\t0x1f\nSqHead:\t10\nSqTail:\t30\nCqMask:\t0x3f\nCqHead:\t10\nCqTail:\t40\nSqThread:\t20\nUserFiles:\t20\n   12: pipe:[13]\nUserBufs:\t11\n",
			&model.IOUringDetail{
				SQEntries: some(32), CQEntries: some(64), SQPending: some(20), CQPending: some(30), SQThread: model.Some(20),
				RegisteredFiles: some(20), RegisteredBuffers: some(11), Files: []model.RegisteredFile{{Slot: 12, Name: "pipe:[13]"}},
			},
		},
		"userfaultfd": {
			as(parseUserfaultfd), "pending:\t20\ntotal:\t30\nAPI:\taa:10:1ff\n",
			&model.UserfaultfdDetail{Pending: some(20), Total: some(30), API: "0xaa", Features: []string{"MISSING_HUGETLBFS"}},
		},
		"epoll": {
			as(parseEpoll), "tfd:       20 events:       10 data:               10  pos:0 ino:20 sdev:1000010\n",
			&model.EpollDetail{Watches: []model.EpollWatch{{FD: model.Some(20), Events: []string{"EPOLLHUP"}, Data: "0x10", Ino: 32, Dev: "16:16"}}},
		},
	} {
		got, err := c.parse([]byte(c.text))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, %v\nwant %+v", name, got, err, c.want)
		}
	}
}

func as[T any](parse func([]byte) (T, error)) func([]byte) (any, error) {
	return func(b []byte) (any, error) { return parse(b) }
}
