package model

import (
	"reflect"
	"strconv"
	"sync/atomic"
)

var listDecoders atomic.Int32

// largeList is the length from which on copying a list costs more than the room that
// is left at its end.
const largeList = 256

// newListDecoder reads a list. Its elements are put into one that is used for all
// short lists of the type, so that each is made as long as it has to be.
func newListDecoder(t reflect.Type) decoder {
	if t.Elem().Kind() == reflect.Pointer {
		return newPointersDecoder(t)
	}
	elem, own, size := decoderOf(t.Elem()), int(listDecoders.Add(1))-1, int64(t.Elem().Size())
	return func(d *decoding, v reflect.Value) error {
		if d.peek() != '[' {
			return d.orNull("a list")
		}
		d.pos++
		if own >= len(d.lists) {
			d.lists = append(d.lists, make([]reflect.Value, own+1-len(d.lists))...)
		}
		list := d.lists[own]
		d.lists[own] = reflect.Value{} // a list in a list of the same type has its own
		if !list.IsValid() {
			list = reflect.New(t).Elem()
		}
		n := 0
		for ; ; n++ {
			more, err := d.more(']', n == 0)
			if err != nil {
				return err
			}
			if !more {
				break
			}
			if n == list.Cap() {
				if err := d.move(int64(n)*size, int64(n/2+8)*size); err != nil {
					return err
				}
				list.Grow(n/2 + 8)
			}
			if n == list.Len() {
				list.SetLen(n + 1)
			} else {
				list.Index(n).SetZero()
			}
			if err := elem(d, list.Index(n)); err != nil {
				return inside(err, "["+strconv.Itoa(n)+"]")
			}
		}
		if n >= largeList {
			v.Set(list.Slice3(0, n, n))
			return nil
		}
		if err := d.take(int64(n) * size); err != nil {
			return err
		}
		v.Set(reflect.MakeSlice(t, n, n))
		reflect.Copy(v, list)
		d.lists[own] = list
		return nil
	}
}

// recordBlock is how many records of a long list are made at a time.
const recordBlock = 64

// newPointersDecoder reads a list of records, which are made many at a time. What is
// null is a record of which nothing is known.
func newPointersDecoder(t reflect.Type) decoder {
	record := t.Elem().Elem()
	elem, block := decoderOf(record), reflect.SliceOf(record)
	return func(d *decoding, v reflect.Value) error {
		if d.peek() != '[' {
			return d.orNull("a list")
		}
		d.pos++
		list := reflect.MakeSlice(t, 0, 0)
		var room reflect.Value
		for n := 0; ; n++ {
			more, err := d.more(']', n == 0)
			if err != nil {
				return err
			}
			if !more {
				break
			}
			if n%recordBlock == 0 {
				if err := d.take(recordBlock * int64(record.Size()+t.Elem().Size())); err != nil {
					return err
				}
				room = reflect.MakeSlice(block, recordBlock, recordBlock)
			}
			r := room.Index(n % recordBlock)
			list = reflect.Append(list, r.Addr())
			if err := elem(d, r); err != nil {
				return inside(err, "["+strconv.Itoa(n)+"]")
			}
		}
		v.Set(list)
		return nil
	}
}

// mapEntry is about what an entry of a map takes beside its value, in bytes.
const mapEntry = 64

func newMapDecoder(t reflect.Type) decoder {
	elem := decoderOf(t.Elem())
	return func(d *decoding, v reflect.Value) error {
		if d.peek() != '{' {
			return d.orNull("an object")
		}
		d.pos++
		v.Set(reflect.MakeMap(t))
		value := reflect.New(t.Elem()).Elem()
		for first := true; ; first = false {
			more, err := d.more('}', first)
			if !more || err != nil {
				return err
			}
			text, err := d.key()
			if err != nil {
				return err
			}
			key := d.string(text)
			if err := d.take(int64(t.Elem().Size()) + mapEntry); err != nil {
				return err
			}
			value.SetZero()
			if err := elem(d, value); err != nil {
				return inside(err, key)
			}
			v.SetMapIndex(reflect.ValueOf(key).Convert(t.Key()), value)
		}
	}
}
