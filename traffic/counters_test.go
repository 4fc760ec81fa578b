package traffic

import (
	"reflect"
	"testing"
	"time"

	"github.com/ipctop/ipctop/model"
)

// TestAddDifference compares two snapshots, two seconds apart.
func TestAddDifference(t *testing.T) {
	some := model.Some[int64]
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	snapshot := func(after time.Duration, objects ...*model.Object) *model.Snapshot {
		return &model.Snapshot{Taken: began.Add(after), Processes: []*model.Process{{PID: 7, Comm: "sender"}}, Objects: objects}
	}
	tcp := func(acked, received model.Opt[int64]) *model.Object {
		return &model.Object{ID: "tcp:1", Kind: model.TCP, Detail: &model.InetDetail{BytesAcked: acked, BytesReceived: received}}
	}
	pipe := func(queued model.Opt[int64]) *model.Object {
		return &model.Object{ID: "pipe:2", Kind: model.Pipe, Detail: &model.PipeDetail{Queued: queued}}
	}
	queue := func(gen string, bytes int64, sent time.Duration) *model.Object {
		return &model.Object{ID: "sysv-msg:3", Gen: gen, Kind: model.SysvMsg, Detail: &model.SysvMsgDetail{
			Bytes: some(bytes), SendTime: began.Add(sent), LastSendPID: model.Some(7), LastRecvPID: model.Some(8),
		}}
	}
	unknown := model.Opt[int64]{}
	for _, test := range []struct {
		name    string
		was, is *model.Object
		want    []model.Traffic
	}{
		{"a socket", tcp(some(10), some(5)), tcp(some(4010), some(5)), []model.Traffic{{
			Object: "tcp:1", Kind: model.TCP, Sent: &model.Flow{Bytes: some(4000), BytesPerSecond: some(2000)},
			Processes: []model.ProcessTraffic{}, Pairs: []model.PairTraffic{},
		}}},
		{"a socket whose counters are unknown", tcp(unknown, some(5)), tcp(some(4010), unknown), []model.Traffic{}},
		{"a pipe that fills", pipe(some(0)), pipe(some(100)), []model.Traffic{{
			Object: "pipe:2", Kind: model.Pipe, Sent: &model.Flow{Bytes: some(100), BytesPerSecond: some(50), AtLeast: true},
			Processes: []model.ProcessTraffic{}, Pairs: []model.PairTraffic{},
		}}},
		{"a pipe that is emptied", pipe(some(100)), pipe(some(0)), []model.Traffic{{
			Object: "pipe:2", Kind: model.Pipe, Received: &model.Flow{Bytes: some(100), BytesPerSecond: some(50), AtLeast: true},
			Processes: []model.ProcessTraffic{}, Pairs: []model.PairTraffic{},
		}}},
		{"a pipe that is as full as before", pipe(some(100)), pipe(some(100)), []model.Traffic{}},
		{"a pipe of unknown fill", pipe(unknown), pipe(some(100)), []model.Traffic{}},
		{"a queue that was sent to", queue("1", 0, 0), queue("1", 64, time.Second), []model.Traffic{{
			Object: "sysv-msg:3", Kind: model.SysvMsg,
			Sent:      &model.Flow{Bytes: some(64), BytesPerSecond: some(32), Calls: some(1), AtLeast: true},
			Processes: []model.ProcessTraffic{{PID: 7, Comm: "sender", Sent: &model.Flow{Calls: some(1), AtLeast: true}}},
			Pairs:     []model.PairTraffic{},
		}}},
		{"another queue of that number", queue("1", 0, 0), queue("2", 64, time.Second), []model.Traffic{}},
	} {
		after := snapshot(2*time.Second, test.is)
		AddDifference(snapshot(0, test.was), after)
		if !reflect.DeepEqual(after.Traffic, test.want) {
			t.Errorf("%s: %+v, want %+v", test.name, after.Traffic, test.want)
		}
		if r := after.Scan.Rates; r.Source != model.RatesCounters || r.Duration != 2e9 {
			t.Errorf("%s: %+v", test.name, r)
		}
	}
}
