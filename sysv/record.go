package sysv

import (
	"fmt"
	"strconv"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

// column is a value that the kernel has for an object, no matter how it is
// asked for.
type column uint8

const (
	colKey column = iota
	colID
	colMode
	colUID
	colGID
	colCreatorUID
	colSeq
	colChanged // ctime

	colBytes // msg: queued; shm: size
	colMessages
	colMaxBytes
	colSent
	colReceived
	colSendPID
	colRecvPID

	colSems
	colOperated // sem: otime

	colAttached
	colCreatorPID
	colLastPID
	colAttachTime
	colDetachTime
	colRSS
	colSwap

	columns
)

// record is what is known of one object. It has an array and not a map because
// there may be tens of thousands of records.
type record struct {
	known uint32 // bit n: column n has a value
	value [columns]int64
}

func (r *record) set(c column, v int64) {
	r.value[c] = v
	r.known |= 1 << c
}

// unset makes a value unknown.
func (r *record) unset(cs ...column) {
	for _, c := range cs {
		r.known &^= 1 << c
	}
}

func (r *record) opt(c column) model.Opt[int64] {
	if r.known&(1<<c) == 0 {
		return model.Opt[int64]{}
	}
	return model.Some(r.value[c])
}

func (r *record) num(c column) model.Opt[int] {
	if r.known&(1<<c) == 0 {
		return model.Opt[int]{}
	}
	return model.Some(int(r.value[c]))
}

// time is a time in seconds since 1970, of which 0 means never.
func (r *record) time(c column) time.Time {
	if v, ok := r.opt(c).Get(); ok && v != 0 {
		return time.Unix(v, 0).UTC()
	}
	return time.Time{}
}

// id is the identifier, which every record has.
func (r *record) id() int { return int(r.value[colID]) }

// key is the key as ipcs(1) shows it.
func (r *record) key() string {
	v, ok := r.opt(colKey).Get()
	if !ok {
		return ""
	}
	return keyText(uint32(v))
}

func keyText(key uint32) string { return fmt.Sprintf("0x%08x", key) }

// private is the name of an object that was made with IPC_PRIVATE: it has no
// key by which other processes could find it.
const private = "private"

// name is what people call the object: its key.
func (r *record) name() string {
	if v, ok := r.opt(colKey).Get(); ok && v == 0 {
		return private
	}
	return r.key()
}

// object makes the part of an object that the three mechanisms have in common.
func (r *record) object(ns probe.NS, kind model.Kind, detail model.Detail) *model.Object {
	o := &model.Object{
		ID: ns.ID(kind, uint64(r.id())), Kind: kind, Name: r.name(), Namespace: ns.Model(), SysvID: model.Some(r.id()),
		UID: r.num(colUID), GID: r.num(colGID), Detail: detail,
	}
	if v, ok := r.opt(colMode).Get(); ok {
		o.Mode = fmt.Sprintf("%04o", v&0o777) // the rest are flags such as SHM_DEST
	}
	if v, ok := r.opt(colSeq).Get(); ok {
		o.Gen = strconv.FormatInt(v, 10)
	}
	return o
}
