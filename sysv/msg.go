package sysv

import (
	"context"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// msgs is the table of message queues of each IPC namespace.
var msgs = &probe.KeySpace{Name: "sysv-msg"}

var msgMechanism = &mechanism{
	kind: model.SysvMsg, space: msgs, listing: msgListing, call: "msgctl", file: "msg",
	words: map[string]column{
		"key": colKey, "msqid": colID, "perms": colMode, "cbytes": colBytes, "qnum": colMessages, "lspid": colSendPID,
		"lrpid": colRecvPID, "uid": colUID, "gid": colGID, "cuid": colCreatorUID, "stime": colSent, "rtime": colReceived, "ctime": colChanged,
	},
	pids: []column{colSendPID, colRecvPID},
}

// Msg reads System V message queues.
func Msg() probe.Probe {
	return probe.Probe{
		Name:  string(model.SysvMsg),
		Scope: "ipc",
		Table: func(_ context.Context, ns probe.NS, out *probe.Collector) error {
			records, err := msgMechanism.records(ns, out)
			for i := range records {
				out.Object(msgMechanism.keyOf(ns, records[i].id()), queue(&records[i], ns))
			}
			return err
		},
		Limits:   msgLimits,
		Complete: msgMechanism.untracked,
	}
}

func queue(r *record, ns probe.NS) *model.Object {
	d := &model.SysvMsgDetail{
		Key: r.key(), CreatorUID: r.num(colCreatorUID), Messages: r.opt(colMessages), Bytes: r.opt(colBytes), MaxBytes: r.opt(colMaxBytes),
		LastSendPID: r.num(colSendPID), LastRecvPID: r.num(colRecvPID),
		SendTime: r.time(colSent), RecvTime: r.time(colReceived), ChangeTime: r.time(colChanged),
	}
	o := r.object(ns, model.SysvMsg, d)
	o.Fill = model.NewRatio(d.Bytes, d.MaxBytes)
	// The limit in bytes also bounds the number of messages, which matters for
	// messages without a body (ipc/msg.c, msg_fits_inqueue).
	if n, ok := d.Messages.Get(); ok && n > d.Bytes.Or(n) {
		o.Fill = model.NewRatio(d.Messages, d.MaxBytes)
	}
	return o
}
