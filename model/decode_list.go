package model

import (
	"reflect"
	"strconv"
	"sync/atomic"
)

var listDecoders atomic.Int32

// largeList is the length from which copying a list costs more than the unused memory at
// its end.
const largeList = 256

// newListDecoder returns a decoder of lists. It collects the elements in a buffer that all
// short lists of the type share, so that each list is allocated with its exact length.
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
		d.lists[own] = reflect.Value{} // a nested list of the same type gets its own buffer
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

// recordBlock is how many records of a list are allocated at a time.
const recordBlock = 64

// newPointersDecoder returns a decoder of lists of records. The records are allocated many
// at a time. null is a record in which everything is unknown.
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

// mapEntry is roughly how many bytes an entry of a map needs in addition to its value.
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
