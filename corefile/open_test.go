package corefile

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"errors"
	"io"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"

	"github.com/ipctop/ipctop/model"
)

// far is a core with memory beyond the part of a compressed core that is kept.
func far(t *testing.T) []byte {
	t.Helper()
	b := &builder{machine: elf.EM_X86_64}
	b.status(101, 0, map[int]uint64{15: 202, 14: 0x2_0000_0000, 13: futexWait, 12: 5 | waitersBit, 10: ^uint64(511)})
	b.addMemory(0x1000, make([]byte, keptHead+4096))
	b.addMemory(0x2_0000_0000, []byte{77, 0, 0, 0, 0, 0, 0, 0})
	return b.build()
}

func compressed(t *testing.T, core []byte, with func(io.Writer) (io.WriteCloser, error)) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := with(&b)
	if err == nil {
		_, err = w.Write(core)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestOpenCompressed(t *testing.T) {
	for name, with := range map[string]func(io.Writer) (io.WriteCloser, error){
		"zstd": func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
		"gzip": func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
		"xz":   func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) },
		"lz4":  func(w io.Writer) (io.WriteCloser, error) { return lz4.NewWriter(w), nil },
	} {
		for _, core := range [][]byte{sample(elf.EM_X86_64), far(t)} {
			want, err := Read(bytes.NewReader(core), int64(len(core)))
			if err != nil {
				t.Fatal(err)
			}
			small := compressed(t, core, with)
			got, err := Open(bytes.NewReader(small), int64(len(small)))
			if err != nil {
				t.Fatal(name, err)
			}
			want.Truncated = model.Opt[bool]{} // the end is not checked
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %+v, want %+v", name, got, want)
			}
			if got.Threads[len(got.Threads)-1].Call.Owner == 0 {
				t.Errorf("%s: the futex was not read", name)
			}
		}
		text := compressed(t, []byte("nothing of the kind"), with)
		if _, err := Open(bytes.NewReader(text), int64(len(text))); err == nil || !strings.Contains(err.Error(), "not a core file") {
			t.Errorf("%s: %v", name, err)
		}
		cut := compressed(t, sample(elf.EM_X86_64), with)[:60]
		if _, err := Open(bytes.NewReader(cut), int64(len(cut))); err == nil {
			t.Errorf("%s: no error for half a file", name)
		}
	}
}

// TestOpenProgram reads the output of the compression programs with these names.
func TestOpenProgram(t *testing.T) {
	core := far(t)
	want, err := Read(bytes.NewReader(core), int64(len(core)))
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"zstd", "-q"}, {"xz", "-9"}, {"xz", "--check=crc32"}, {"lz4", "-q"}, {"gzip"}} {
		cmd := exec.Command(args[0], append(args[1:], "-c")...)
		cmd.Stdin = bytes.NewReader(core)
		small, err := cmd.Output()
		if errors.Is(err, exec.ErrNotFound) {
			t.Logf("%s is not installed", args[0])
			continue
		}
		if err != nil {
			t.Fatal(args, err)
		}
		got, err := Open(bytes.NewReader(small), int64(len(small)))
		if err != nil || len(got.Threads) != len(want.Threads) || !reflect.DeepEqual(got.Mappings, want.Mappings) {
			t.Errorf("%v: %+v, %v", args, got, err)
		}
	}
}

// TestOpenHugeDictionary: a few bytes must not cause an allocation of 4 GiB.
func TestOpenHugeDictionary(t *testing.T) {
	small := compressed(t, sample(elf.EM_X86_64), func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) })
	i := bytes.Index(small[12:], []byte{0x21, 1}) + 12
	small[i+2] = 40
	if _, err := Open(bytes.NewReader(small), int64(len(small))); err == nil || !strings.Contains(err.Error(), "dictionary") {
		t.Error(err)
	}
}

func FuzzOpen(f *testing.F) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(sample(elf.EM_X86_64))
	_ = w.Close()
	f.Add(b.Bytes())
	f.Add(sample(elf.EM_X86_64))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := Open(bytes.NewReader(b), int64(len(b))); (c == nil) == (err == nil) {
			t.Errorf("%v, %v", c, err)
		}
	})
}
