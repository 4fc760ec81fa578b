package testfixtures

import (
	"fmt"
	"strconv"
	"time"
)

const msgMax = 4096 // bytes in a fixture's message, at most

func sysvMsgFixtures() []Fixture {
	return []Fixture{{
		Name:  "sysv-msg",
		short: "msg",
		Makes: "a message queue with 2 messages left of 3, and its own size limit",
		explain: explanation{
			picture: "{1} → queue {id} (2 messages) → {2}",
			calls: []string{
				"ipctop: msgget(IPC_PRIVATE or a key, IPC_CREAT)",
				"{1}: msgsnd({id}, …) three times, of 100, 200 and 300 bytes",
				"{2}: msgrcv({id}, …) once",
			},
			proc: []procFile{
				{"/proc/sysvipc/msg", "{id}"},
			},
		},
		make:  makeSysVMsg,
		roles: map[string]func(*role) error{"snd": msgSendRole, "rcv": msgReceiveRole},
	}}
}

func makeSysVMsg(m *maker) (object, error) {
	id, err := m.makeSysV(sysvMsg, 0)
	if err != nil {
		return object{}, err
	}
	if err := msgSetLimit(id, 4096); err != nil { // any user may lower it
		return object{}, err
	}
	for _, role := range []string{"snd", "rcv"} {
		if _, err := m.start(role, nil, part{args: []string{strconv.Itoa(id)}}); err != nil {
			return object{}, err
		}
	}
	d, err := msgStat(id)
	if err != nil {
		return object{}, err
	}
	st, err := sysvStat(sysvMsg, id)
	if err != nil {
		return object{}, err
	}
	return object{sysvMsg.id(id), st.expect(id, tree{
		"messages": d.QNum, "bytes": d.CBytes, "max_bytes": d.QBytes, "last_send_pid": d.LastSendPID, "last_recv_pid": d.LastRPID,
		"send_time": stamp(d.STime), "recv_time": stamp(d.RTime),
	})}, nil
}

// stamp is a time from the kernel in the form that dumps have.
func stamp(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339Nano) }

func msgSendRole(r *role) error {
	id, err := strconv.Atoi(r.args[0])
	if err != nil {
		return err
	}
	for i, size := range []int{100, 200, 300} {
		if err := msgSend(id, int64(i+1), size); err != nil {
			return fmt.Errorf("queue %d: %w", id, err)
		}
	}
	return r.readyAndHold(nil)
}

func msgReceiveRole(r *role) error {
	id, err := strconv.Atoi(r.args[0])
	if err != nil {
		return err
	}
	if _, err := msgReceive(id, 0); err != nil {
		return fmt.Errorf("queue %d: %w", id, err)
	}
	return r.readyAndHold(nil)
}
