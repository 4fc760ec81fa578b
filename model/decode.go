package model

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"reflect"
	"strconv"
	"strings"
)

// ErrNotDump is returned by [Decode] for input that is not an ipctop dump.
var ErrNotDump = errors.New("not an ipctop dump")

// Decode reads the document that [Encode] writes. It skips unknown keys, so that
// dumps of a later ipctop with the same schema number stay readable; it rejects a
// higher schema number.
//
// The error tells the user what is wrong: the input is empty, is not JSON, is not a
// dump, is truncated (after how many bytes), or which key has a value of the wrong
// type.
//
// It uses no more memory than [DefaultMaxMemory].
func Decode(r io.Reader) (*Snapshot, error) { return DecodeWithin(r, DefaultMaxMemory) }

// DefaultMaxMemory is the default limit on the memory for reading a file, in bytes.
const DefaultMaxMemory = 512 << 20

// garbageShare says which part of the memory is reserved for garbage that is not collected
// yet: a fourth.
const garbageShare = 4

// DecodeWithin is [Decode] with a limit, in bytes, on the memory for the document and the
// snapshot together. A small document can expand to a large snapshot, and it may come
// from an untrusted source. Beyond the limit the error is [ErrMemory].
func DecodeWithin(r io.Reader, maxMemory int64) (*Snapshot, error) {
	b := bytes.NewBuffer(make([]byte, 0, min(sizeOf(r), maxMemory)+bytes.MinRead))
	if _, err := b.ReadFrom(io.LimitReader(r, maxMemory+1)); err != nil {
		return nil, err
	}
	d := decoding{scanner: scanner{b: b.Bytes()}, maxMemory: maxMemory - maxMemory/garbageShare}
	if err := d.take(int64(b.Len())); err != nil {
		return nil, err
	}
	s := &Snapshot{FromFile: true}
	if err := d.document(s); err != nil {
		return nil, d.describe(err)
	}
	return s, nil
}

// ErrMemory is the error of a file that needs more memory than is allowed.
var ErrMemory = errors.New("reading it takes more memory than --max-memory allows")

// sizeOf returns how many bytes a reader has, if it says so; else 0.
func sizeOf(r io.Reader) int64 {
	switch r := r.(type) {
	case interface{ Len() int }:
		return int64(r.Len())
	case fs.File:
		if info, err := r.Stat(); err == nil && info.Mode().IsRegular() {
			return info.Size()
		}
	}
	return 0
}

// UnmarshalRecord reads one record that [AppendJSON] wrote into v, a pointer to
// a struct with the tags of this package.
func UnmarshalRecord(b []byte, v any) error {
	d := decoding{scanner: scanner{b: b}, maxMemory: DefaultMaxMemory}
	rv := reflect.ValueOf(v).Elem()
	if err := decoderOf(rv.Type())(&d, rv); err != nil {
		return d.describe(inside(err, "record"))
	}
	return nil
}

// describe adds to the error of a truncated input where it ended.
func (d *decoding) describe(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the dump is cut off after %d bytes", len(d.b))
	}
	return err
}

func (d *decoding) document(s *Snapshot) error {
	switch c := d.peek(); {
	case c == 0 && d.pos == len(d.b):
		return fmt.Errorf("%w: it is empty", ErrNotDump)
	case c != '{':
		if d.skip(0) != nil {
			return fmt.Errorf("%w: it is not JSON", ErrNotDump)
		}
		return fmt.Errorf("%w: it is JSON, but not an object", ErrNotDump)
	}
	d.pos++
	v := reflect.ValueOf(s).Elem()
	fields := planOf(v.Type())
	for first := true; ; first = false {
		more, err := d.more('}', first)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		key, err := d.key()
		if err != nil {
			return err
		}
		if s.Schema == "" && string(key) != "schema" {
			return fmt.Errorf("%w: it does not begin with \"schema\"", ErrNotDump)
		}
		i := fieldAt(fields, key, 0)
		if i < 0 {
			if err := d.skip(0); err != nil {
				return err
			}
			continue
		}
		f := &fields[i]
		if f.typ.Kind() == reflect.Slice && d.peek() != '[' { // null is not accepted as a list here
			return inside(d.wrong("a list"), f.name)
		}
		if err := f.dec(d, d.field(f, v)); err != nil {
			return inside(err, f.name)
		}
		if f.name == "schema" {
			if err := checkSchema(s.Schema); err != nil {
				return err
			}
		}
	}
	if s.Schema == "" {
		return fmt.Errorf("%w: it has no \"schema\"", ErrNotDump)
	}
	if d.peek(); d.pos < len(d.b) {
		return errors.New("more follows after the end of the dump")
	}
	return nil
}

func checkSchema(schema string) error {
	own, _ := strconv.Atoi(strings.TrimPrefix(Schema, "ipctop/"))
	number, ok := strings.CutPrefix(schema, "ipctop/")
	n, err := strconv.Atoi(number)
	switch {
	case !ok || err != nil || n < 1:
		return fmt.Errorf("%w: its schema is %q", ErrNotDump, schema)
	case n > own:
		return fmt.Errorf("the dump has schema %s, this ipctop reads up to %s: use a newer ipctop", schema, Schema)
	}
	return nil
}

// valueError says which key has a value of the wrong type.
type valueError struct {
	path string // the path of the value, completed on the way up
	want string
}

func (e *valueError) Error() string { return e.path + ": want " + e.want }

// inside adds one step of the value's path to an error.
func inside(err error, place string) error {
	if e, ok := err.(*valueError); ok {
		if e.path != "" && e.path[0] != '[' {
			place += "."
		}
		e.path = place + e.path
	}
	return err
}

// decoding is the state of decoding one text.
type decoding struct {
	scanner
	texts [512]string     // cache of strings: most occur often
	lists []reflect.Value // by list decoder: buffer for the elements while they are read
	exact []companion     // the base64 companions of the structs being read

	maxMemory, used int64 // bytes
}

// take counts memory that is about to be allocated.
func (d *decoding) take(n int64) error {
	d.used += n
	if d.used > d.maxMemory {
		return ErrMemory
	}
	return nil
}

// move counts the memory of a list that is copied to grow: during the copy it exists twice.
func (d *decoding) move(old, more int64) error {
	if d.used+old+more > d.maxMemory {
		return ErrMemory
	}
	return d.take(more)
}

// field returns the field to fill in. It allocates the embedded structs that contain the
// field.
func (d *decoding) field(f *field, v reflect.Value) reflect.Value {
	for _, i := range f.outer {
		if v = v.Field(i); v.IsNil() {
			v.Set(d.new(v.Type().Elem()))
		}
		v = v.Elem()
	}
	return v.Field(f.index)
}

// new allocates a value and counts its memory. Every value needs some of the text, so it
// is enough to check the limit at the next element or key.
func (d *decoding) new(t reflect.Type) reflect.Value {
	d.used += int64(t.Size())
	return reflect.New(t)
}

// companion is a base64 companion of a field that still has to be read.
type companion struct {
	field *field
	at    int // its offset in the text
}

// wrong returns the error of a value whose type is not that of the field. If the text is
// not valid JSON, it returns that error instead.
func (d *decoding) wrong(want string) error {
	if err := d.skip(0); err != nil {
		return err
	}
	return &valueError{want: want}
}

// null skips null, which leaves a field unchanged.
func (d *decoding) null() (bool, error) {
	if d.peek() != 'n' {
		return false, nil
	}
	return true, d.word("null")
}

// string converts a text to a string, with a cache, because the strings of a snapshot
// repeat: names of processes, kinds, flags. A few bytes distinguish most of them.
func (d *decoding) string(b []byte) string {
	n := len(b)
	if n == 0 {
		return ""
	}
	if n > 64 {
		d.used += int64(n)
		return string(b)
	}
	h := uint(n)
	for _, c := range b[max(0, n-8):] {
		h = h*31 + uint(c)
	}
	h = (h*31 + uint(b[0])) % uint(len(d.texts))
	if d.texts[h] != string(b) {
		d.used += int64(n)
		d.texts[h] = string(b)
	}
	return d.texts[h]
}
