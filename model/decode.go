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

// ErrNotDump is returned by [Decode] for input that is no ipctop dump at all.
var ErrNotDump = errors.New("not an ipctop dump")

// Decode reads the document that [Encode] writes. Keys it does not know are
// passed over, so that dumps of a later ipctop with the same schema number
// stay readable; a higher schema number is refused.
//
// The error says what is wrong in words fit for a user: that the input is
// empty, is not JSON, is no dump, is cut off (and after how many bytes), or
// which key holds what it should not.
//
// It takes no more memory than [DefaultMaxMemory].
func Decode(r io.Reader) (*Snapshot, error) { return DecodeWithin(r, DefaultMaxMemory) }

// DefaultMaxMemory is how much memory reading a file may take where nothing else is
// asked for, in bytes.
const DefaultMaxMemory = 512 << 20

// garbageShare is the part of the memory that is left to what was used and is not yet collected.
const garbageShare = 4

// DecodeWithin is [Decode] with a bound, in bytes, on the memory that the document and
// what is made of it take together. A document of a few bytes may stand for much: it
// may come from a stranger. Beyond the bound the error is [ErrMemory].
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

// sizeOf is how much there is to read, where the reader tells; else 0.
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

// describe says in words where the input ended too early.
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
		if f.typ.Kind() == reflect.Slice && d.peek() != '[' { // null is no list either
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

// valueError says which key holds what it should not.
type valueError struct {
	path string // from the value on upwards, as far as it has been told
	want string
}

func (e *valueError) Error() string { return e.path + ": want " + e.want }

// inside adds to an error where the value is.
func inside(err error, place string) error {
	if e, ok := err.(*valueError); ok {
		if e.path != "" && e.path[0] != '[' {
			place += "."
		}
		e.path = place + e.path
	}
	return err
}

// decoding is the work of decoding one text.
type decoding struct {
	scanner
	texts [512]string     // texts that were read lately: most come often
	lists []reflect.Value // by list decoder: where its elements are put while they are read
	exact []companion     // the base64 companions of the structs being read

	maxMemory, used int64 // bytes
}

// take counts memory that is about to be taken.
func (d *decoding) take(n int64) error {
	d.used += n
	if d.used > d.maxMemory {
		return ErrMemory
	}
	return nil
}

// move counts memory by which a list grows that moves for that: meanwhile it is there twice.
func (d *decoding) move(old, more int64) error {
	if d.used+old+more > d.maxMemory {
		return ErrMemory
	}
	return d.take(more)
}

// field is the field of a struct that is filled in. The structs that it is embedded in
// are made.
func (d *decoding) field(f *field, v reflect.Value) reflect.Value {
	for _, i := range f.outer {
		if v = v.Field(i); v.IsNil() {
			v.Set(d.new(v.Type().Elem()))
		}
		v = v.Elem()
	}
	return v.Field(f.index)
}

// new makes a value and counts it. Each takes some of the text, so that it is enough to
// look at the count with the next element or key.
func (d *decoding) new(t reflect.Type) reflect.Value {
	d.used += int64(t.Size())
	return reflect.New(t)
}

// companion is a field's base64 companion that is to be read.
type companion struct {
	field *field
	at    int // where it begins
}

// wrong is the error of a value that is not what the field has. A text that is not
// JSON at all is worse.
func (d *decoding) wrong(want string) error {
	if err := d.skip(0); err != nil {
		return err
	}
	return &valueError{want: want}
}

// null passes over null, which leaves a field as it is.
func (d *decoding) null() (bool, error) {
	if d.peek() != 'n' {
		return false, nil
	}
	return true, d.word("null")
}

// string makes a string of a text. Those of a snapshot repeat: names of processes,
// kinds, flags. Few bytes tell most of them apart.
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
