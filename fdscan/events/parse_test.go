package events

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// The texts are from Linux 6.18. Every fdinfo begins like this.
const infoHead = "pos:\t0\nflags:\t04002\nmnt_id:\t17\nino:\t1038\n"

const (
	eventfdText  = infoHead + "eventfd-count:                7\neventfd-id: 1\neventfd-semaphore: 1\n"
	signalfdText = infoHead + "sigmask:\t8000000200004200\n"
	timerfdText  = infoHead + "clockid: 1\nticks: 3\nsettime flags: 01\nit_value: (98, 897525830)\nit_interval: (60, 0)\n"
	inotifyText  = infoHead + "inotify wd:2 ino:124025 sdev:fe00000 mask:fff ignored_mask:0 fhandle-bytes:8 fhandle-type:1 f_handle:25401200e1043aac\n" +
		"inotify wd:1 ino:3c4a3 sdev:1b mask:80000100 ignored_mask:0 fhandle-bytes:8 fhandle-type:1 f_handle:a3c4030000000000\n"
	fanotifyText = infoHead + "fanotify flags:15 event-flags:8000\nfanotify sdev:1b mflags:0 mask:20 ignored_mask:0\n" +
		"fanotify mnt_id:1b mflags:0 mask:20 ignored_mask:1\n" +
		"fanotify ino:124025 sdev:fe00000 mflags:0 mask:8010020 ignored_mask:0 fhandle-bytes:8 fhandle-type:1 f_handle:25401200e1043aac\n"
	pidfdText   = "pos:\t0\nflags:\t02000002\nmnt_id:\t4\nino:\t90925\nPid:\t28246\nNSpid:\t28246\t1\n"
	ioUringText = "pos:\t0\nflags:\t02000002\nmnt_id:\t17\nino:\t1352615\nSqMask:\t0x7\nSqHead:\t4294967295\nSqTail:\t1\nCachedSqHead:\t0\n" +
		"CqMask:\t0xf\nCqHead:\t3\nCqTail:\t5\nCachedCqTail:\t0\nSQEs:\t0\nCQEs:\t0\nSqThread:\t-1\nSqThreadCpu:\t-1\nSqTotalTime:\t0\n" +
		"SqWorkTime:\t0\nUserFiles:\t3\n    0: pipe:[1352614]\n    1: /tmp/a\\040b\n    2: anon_inode:[eventfd]\nUserBufs:\t0\nPollList:\n" +
		"  op=22, task_works=0\nCqOverflowList:\n  user_data=7, res=0, flags=0\nNAPI:\tdisabled\n"
	userfaultfdText = "pos:\t0\nflags:\t02000000\nmnt_id:\t17\nino:\t1352617\npending:\t1\ntotal:\t2\nAPI:\taa:80000021:80000000000001ff\n"
	epollText       = infoHead + "tfd:        5 events: 80000019 data:                5  pos:0 ino:14a3a6 sdev:f\n" +
		"tfd:        3 events:       19 data: ffffffffffffffff  pos:0 ino:40e sdev:10\n"
)

func TestParseEvents(t *testing.T) {
	some := func(n int64) model.Opt[int64] { return model.Some(n) }
	for name, c := range map[string]struct {
		parse func([]byte) (model.Detail, error)
		text  string
		want  model.Detail
	}{
		"eventfd": {parseEventfdDetail, eventfdText, &model.EventfdDetail{Count: model.Some(model.Big(7)), Semaphore: model.Some(true)}},
		"eventfd, highest": {
			parseEventfdDetail, "eventfd-count: fffffffffffffffe\neventfd-semaphore: 0\n",
			&model.EventfdDetail{Count: model.Some(model.Big(1<<64 - 2)), Semaphore: model.Some(false)},
		},
		"eventfd before 5.2": {parseEventfdDetail, "eventfd-count: 0\n", &model.EventfdDetail{Count: model.Some(model.Big(0))}},
		"signalfd":           {parseSignalfd, signalfdText, &model.SignalfdDetail{Signals: []string{"SIGUSR1", "SIGTERM", "SIGRTMIN", "SIGRTMAX"}}},
		"signalfd, none":     {parseSignalfd, "sigmask:\t0000000000000000\n", &model.SignalfdDetail{Signals: []string{}}},
		"timerfd": {parseTimerfd, timerfdText, &model.TimerfdDetail{
			Clock: "CLOCK_MONOTONIC", Remaining: some(98897525830), Interval: some(60e9), Ticks: some(3), Flags: []string{"TFD_TIMER_ABSTIME"},
		}},
		"timerfd, far away": {parseTimerfd, "clockid: 77\nit_value: (9223372036, 0)\n", &model.TimerfdDetail{Clock: "77", Remaining: some(1<<63 - 1)}},
		"inotify": {parseInotify, inotifyText, &model.InotifyDetail{Watches: []model.InotifyWatch{
			{WD: model.Some(2), Dev: "254:0", Ino: 0x124025, Events: []string{
				"IN_ACCESS", "IN_MODIFY", "IN_ATTRIB", "IN_CLOSE_WRITE", "IN_CLOSE_NOWRITE", "IN_OPEN", "IN_MOVED_FROM", "IN_MOVED_TO",
				"IN_CREATE", "IN_DELETE", "IN_DELETE_SELF", "IN_MOVE_SELF",
			}},
			{WD: model.Some(1), Dev: "0:27", Ino: 0x3c4a3, Events: []string{"IN_CREATE", "IN_ONESHOT"}},
		}}},
		"inotify, nothing": {parseInotify, infoHead, &model.InotifyDetail{Watches: []model.InotifyWatch{}}},
		"fanotify": {parseFanotify, fanotifyText, &model.FanotifyDetail{
			Class: "content", Flags: []string{"FAN_CLOEXEC", "FAN_UNLIMITED_QUEUE"},
			Watches: []model.FanotifyWatch{
				{Type: "filesystem", Dev: "0:27", Events: []string{"FAN_OPEN"}},
				{Type: "mount", MountID: model.Some(27), Events: []string{"FAN_OPEN"}, Ignored: []string{"FAN_ACCESS"}},
				{Type: "inode", Dev: "254:0", Ino: 0x124025, Events: []string{"FAN_OPEN", "FAN_OPEN_PERM", "FAN_EVENT_ON_CHILD"}},
			},
		}},
		"pidfd":                                  {parsePidfd, pidfdText, &model.PidfdDetail{PID: model.Some(28246), NSPIDs: []int{1}, Ended: model.Some(false)}},
		"pidfd of a process that was waited for": {parsePidfd, "Pid:\t-1\nNSpid:\t-1\n", &model.PidfdDetail{Ended: model.Some(true)}},
		"pidfd of another namespace":             {parsePidfd, "Pid:\t0\n", &model.PidfdDetail{Ended: model.Some(false)}},
		"io_uring": {parseIOUring, ioUringText, &model.IOUringDetail{
			SQEntries: some(8), SQPending: some(2), CQEntries: some(16), CQPending: some(2), CQOverflow: some(1),
			RegisteredFiles: some(3), RegisteredBuffers: some(0), Files: []model.RegisteredFile{
				{Slot: 0, Name: "pipe:[1352614]"}, {Slot: 1, Name: "/tmp/a b"}, {Slot: 2, Name: "anon_inode:[eventfd]"},
			},
		}},
		"io_uring before 5.19": {parseIOUring, "SqThread:\t42\nUserFiles:\t12\n    0: <none>\n    9: \n   10: TCP\n   11: pipe:[5]\nUserBufs:\t1\n    0: 0x7f/4096\nPollList:\n", &model.IOUringDetail{
			SQThread: model.Some(42), RegisteredFiles: some(12), RegisteredBuffers: some(1),
			Files: []model.RegisteredFile{{Slot: 9}, {Slot: 10, Name: "TCP"}, {Slot: 11, Name: "pipe:[5]"}},
		}},
		"userfaultfd": {parseUserfaultfd, userfaultfdText, &model.UserfaultfdDetail{
			Pending: some(1), Total: some(2), API: "0xaa", Features: []string{"PAGEFAULT_FLAG_WP", "MISSING_SHMEM"},
		}},
		"epoll": {parseEpoll, epollText, &model.EpollDetail{Watches: []model.EpollWatch{
			{FD: model.Some(5), Events: []string{"EPOLLIN", "EPOLLERR", "EPOLLHUP", "EPOLLET"}, Data: "0x5", Dev: "0:15", Ino: 0x14a3a6},
			{FD: model.Some(3), Events: []string{"EPOLLIN", "EPOLLERR", "EPOLLHUP"}, Data: "0xffffffffffffffff", Dev: "0:16", Ino: 0x40e},
		}}},
		"epoll before 4.13": {parseEpoll, "tfd:        5 events:       19 data:                5\n", &model.EpollDetail{Watches: []model.EpollWatch{
			{FD: model.Some(5), Events: []string{"EPOLLIN", "EPOLLERR", "EPOLLHUP"}, Data: "0x5"},
		}}},
		"epoll, nothing": {parseEpoll, infoHead, &model.EpollDetail{Watches: []model.EpollWatch{}}},
	} {
		got, err := c.parse([]byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v\nwant %+v", name, got, c.want)
		}
	}
}

func parseEventfdDetail(text []byte) (model.Detail, error) {
	e, err := parseEventfd(text)
	return &e.EventfdDetail, err
}

// TestBadLineCostsItself: a malformed line costs only itself. The values of the
// other lines are kept, its own are unknown, and the error says so.
func TestBadLineCostsItself(t *testing.T) {
	for name, c := range map[string]struct {
		parse func([]byte) (model.Detail, error)
		text  string
		want  model.Detail
	}{
		"eventfd":     {parseEventfdDetail, "eventfd-count: x\neventfd-semaphore: 1\n", &model.EventfdDetail{Semaphore: model.Some(true)}},
		"semaphore":   {parseEventfdDetail, "eventfd-count: 1\neventfd-semaphore: 2\n", &model.EventfdDetail{Count: model.Some(model.Big(1))}},
		"signalfd":    {parseSignalfd, "sigmask:\tg\n", new(model.SignalfdDetail)},
		"timerfd":     {parseTimerfd, "ticks: 1\nit_value: (1, 1000000000)\n", &model.TimerfdDetail{Ticks: model.Some[int64](1)}},
		"inotify":     {parseInotify, "inotify wd:x ino:1 sdev:1 mask:1\n", &model.InotifyDetail{Watches: []model.InotifyWatch{}}},
		"fanotify":    {parseFanotify, "fanotify flags:0\nfanotify sdev:zz mask:20\n", &model.FanotifyDetail{Class: "notif", Flags: []string{}, Watches: []model.FanotifyWatch{}}},
		"pidfd":       {parsePidfd, "Pid:\tx\n", new(model.PidfdDetail)},
		"io_uring":    {parseIOUring, "SqMask:\t0x7\nUserFiles:\t1\n    x: pipe:[5]\n", &model.IOUringDetail{SQEntries: model.Some[int64](8), RegisteredFiles: model.Some[int64](1)}},
		"userfaultfd": {parseUserfaultfd, "pending:\t1\nAPI:\taa:0\n", &model.UserfaultfdDetail{Pending: model.Some[int64](1)}},
		"epoll":       {parseEpoll, "tfd: 5 data: 5\n", &model.EpollDetail{Watches: []model.EpollWatch{}}},
	} {
		got, err := c.parse([]byte(c.text))
		if !errors.Is(err, proc.ErrMalformed) {
			t.Errorf("%s: error %v, want malformed", name, err)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v\nwant %+v", name, got, c.want)
		}
	}
	_, err := parseEpoll([]byte(strings.Repeat("tfd: x\n", 4)))
	if err == nil || !strings.Contains(err.Error(), "3 lines more") {
		t.Errorf("four bad lines: %v", err)
	}
}

// TestRingBusy: the kernel shows nothing of a ring whose lock is held.
func TestRingBusy(t *testing.T) {
	d, err := parseIOUring([]byte(infoHead))
	if !errors.Is(err, errRingBusy) || !reflect.DeepEqual(d, new(model.IOUringDetail)) {
		t.Errorf("got %+v, %v", d, err)
	}
}

// TestUnread: nothing is known of a descriptor whose fdinfo could not be read,
// in particular not that it watches nothing.
func TestUnread(t *testing.T) {
	for _, parse := range eventParsers {
		d, _ := parse(nil)
		if !reflect.ValueOf(d).Elem().IsZero() {
			t.Errorf("%T: got %+v", d, d)
		}
	}
}

var eventParsers = []func([]byte) (model.Detail, error){
	parseEventfdDetail, parseSignalfd, parseTimerfd, parseInotify, parseFanotify, parsePidfd, parseIOUring, parseUserfaultfd, parseEpoll,
}

func FuzzParseEvents(f *testing.F) {
	for _, s := range []string{
		eventfdText, signalfdText, timerfdText, inotifyText, fanotifyText, pidfdText, ioUringText, userfaultfdText, epollText,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, parse := range eventParsers {
			d, err := parse(text)
			if d == nil {
				t.Fatal("no detail")
			}
			if err != nil && !errors.Is(err, proc.ErrMalformed) && err != errRingBusy {
				t.Errorf("%v", err)
			}
			if td, ok := d.(*model.TimerfdDetail); ok && (td.Remaining.Or(0) < 0 || td.Interval.Or(0) < 0) {
				t.Errorf("negative time: %+v", td)
			}
			if rd, ok := d.(*model.IOUringDetail); ok && (rd.SQPending.Or(0) < 0 || rd.CQPending.Or(0) < 0) {
				t.Errorf("negative queue: %+v", rd)
			}
		}
	})
}
