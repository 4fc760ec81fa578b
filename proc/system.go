package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/ipctop/ipctop/model"
)

// BootTime is when the machine was started, from the line btime of /proc/stat
// (proc_stat(5)). It fails if root is not a proc file system.
func BootTime(root *Dir) (time.Time, error) {
	stat, err := root.ReadFile("stat", nil)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("%s is not a proc file system: it has no stat", root.path)
		}
		return time.Time{}, err
	}
	t, err := parseBootTime(stat)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: %w", filepath.Join(root.path, "stat"), err)
	}
	return t, nil
}

// Self finds ipctop in a proc file system; pid is 0 if it is not there. same
// reports whether the file system belongs to ipctop's own pid namespace: only
// then does NSpid have a single number for ipctop.
func Self(root *Dir) (pid int, same bool) {
	link, err := root.Readlink("self")
	if err != nil {
		return 0, false // ipctop is not visible there
	}
	pid, _ = strconv.Atoi(link)
	status, err := root.ReadFile(link+"/status", nil)
	if err != nil {
		return pid, false
	}
	pids, _ := StatusField(status, "NSpid") // Linux 4.1
	return pid, pid == os.Getpid() && len(bytes.Fields(pids)) < 2
}

func parseBootTime(stat []byte) (time.Time, error) {
	for line := range bytes.Lines(stat) {
		if v, ok := bytes.CutPrefix(line, []byte("btime ")); ok {
			sec, err := strconv.ParseInt(string(bytes.TrimSpace(v)), 10, 64)
			if err != nil {
				return time.Time{}, fmt.Errorf("%w: btime is %q", ErrMalformed, v)
			}
			return time.Unix(sec, 0), nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: no btime", ErrMalformed)
}

// ParseThreads reads the number of threads on the machine from /proc/loadavg
// (proc_loadavg(5)): "2.06 3.34 4.96 4/228 21089" has 228.
func ParseThreads(text []byte) (model.Opt[int64], error) {
	f := bytes.Fields(text)
	if len(f) < 5 {
		return model.Opt[int64]{}, fmt.Errorf("%w: %q", ErrMalformed, head(text))
	}
	_, total, ok := bytes.Cut(f[3], []byte("/"))
	n, err := strconv.ParseInt(string(total), 10, 64)
	if !ok || err != nil || n < 0 {
		return model.Opt[int64]{}, fmt.Errorf("%w: %q are no threads", ErrMalformed, head(f[3]))
	}
	return model.Some(n), nil
}
