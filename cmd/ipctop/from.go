package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/record"
)

// source is a dump or a recording that was opened.
type source struct {
	name   string // of the file, without @TIME
	time   string // what follows the @; "" if there is none
	moment record.Moment

	maxMemory int64 // memory limit for reading it, in bytes

	// Either dump or rec is set.
	dump *model.Snapshot
	rec  *record.Recording
	file *os.File // of rec; nil if it is in memory
}

func (s *source) close() {
	if s.file != nil {
		s.file.Close()
	}
}

// openFrom opens what --from names.
func (c command) openFrom(o *options, from string) (*source, error) {
	s, err := parseFrom(from)
	if err != nil {
		return nil, err
	}
	s.maxMemory = int64(o.maxMemory)
	if s.name == "-" {
		return s, c.openStdin(s)
	}
	f, err := openAsUser(s.name)
	if err != nil {
		return nil, err
	}
	var first [16]byte
	if n, _ := f.ReadAt(first[:], 0); !record.IsRecording(first[:n]) {
		defer f.Close()
		return s, s.decode(f)
	}
	info, err := f.Stat()
	if err == nil {
		s.rec, err = record.Open(f, info.Size(), s.maxMemory)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	s.file = f
	return s, nil
}

// parseFrom takes FILE[@TIME] apart. A file that has an @ in its name is that
// file.
func parseFrom(from string) (*source, error) {
	s := &source{name: from}
	at := strings.LastIndexByte(from, '@')
	if at < 0 {
		return s, nil
	}
	if existsForUser(from) {
		return s, nil
	}
	s.name, s.time = from[:at], from[at+1:]
	var err error
	if s.moment, err = record.ParseMoment(s.time, time.Local); err != nil {
		if !existsForUser(s.name) {
			return nil, fmt.Errorf("open %s: no such file", from)
		}
		return nil, usageError("--from %s: @%s: %w", s.name, s.time, err)
	}
	return s, nil
}

// openStdin reads a dump as a stream. A recording is read into memory as a whole.
func (c command) openStdin(s *source) error {
	var first [16]byte
	n, err := io.ReadFull(c.stdin, first[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	rest := io.MultiReader(bytes.NewReader(first[:n]), c.stdin)
	if !record.IsRecording(first[:n]) {
		return s.decode(rest)
	}
	// The recording may take half of the memory: the rest is for the snapshot read from it.
	b, err := io.ReadAll(io.LimitReader(rest, s.maxMemory/2+1))
	if err == nil && int64(len(b)) > s.maxMemory/2 {
		err = model.ErrMemory
	}
	if err == nil {
		s.rec, err = record.Open(bytes.NewReader(b), int64(len(b)), s.maxMemory/2)
	}
	if err != nil {
		return fmt.Errorf("standard input: %w", err)
	}
	return nil
}

func (s *source) decode(r io.Reader) error {
	snap, err := model.DecodeWithin(r, s.maxMemory)
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	if s.time != "" {
		return usageError("%s is a dump and has one moment, %s: leave out @%s", s.name, snap.Taken.Local().Format(time.DateTime), s.time)
	}
	s.dump = snap
	return nil
}

// at is the index of the sample that is asked for. It prints a message if the recording is
// damaged or ends before that time.
func (s *source) at(stderr io.Writer) (int, error) {
	n := s.rec.Len()
	if n == 0 {
		return 0, fmt.Errorf("%s: there is no sample in this recording", s.name)
	}
	if lost := s.rec.Damage(); lost > 0 {
		fmt.Fprintf(stderr, "ipctop: %s: %d bytes are damaged or cut off; the rest is whole\n", s.name, lost)
	}
	if s.time == "" {
		return n - 1, nil
	}
	i, late := s.moment.In(s.rec)
	switch {
	case i < 0:
		return 0, &exitError{exitNotFound, fmt.Errorf("%s begins at %s: there is nothing from %s", s.name, s.when(0), s.time)}
	case late:
		fmt.Fprintf(stderr, "ipctop: %s ends at %s: that is shown\n", s.name, s.when(i))
	}
	return i, nil
}

// when is the time of a sample, in this machine's time zone.
func (s *source) when(i int) string { return s.rec.Time(i).Local().Format(time.DateTime) }

// snapshot is the snapshot that is asked for.
func (s *source) snapshot(stderr io.Writer) (*model.Snapshot, error) {
	if s.dump != nil {
		return s.dump, nil
	}
	i, err := s.at(stderr)
	if err != nil {
		return nil, err
	}
	return s.load(i)
}

func (s *source) load(i int) (*model.Snapshot, error) {
	snap, err := s.rec.Load(i)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	return snap, nil
}

// readFrom reads a snapshot from one file.
func (c command) readFrom(o *options, from string) (*model.Snapshot, error) {
	s, err := c.openFrom(o, from)
	if err != nil {
		return nil, err
	}
	defer s.close()
	return s.snapshot(c.stderr)
}
