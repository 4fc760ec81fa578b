package waitstate

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ipctop/ipctop/model"
)

// leaseLock is what leases are called among the locks of a file.
const leaseLock = "lease"

// leaseBreaks notes for how long the kernel waits for somebody to give up a lease before it takes
// that away (/proc/sys/fs/lease-break-time, proc_sys_fs(5)); 0 is for ever.
func (c *caller) leaseBreaks(w *waiting) {
	w.timed = true
	b, err := os.ReadFile(filepath.Join(c.proc.Scan.ProcRoot, "sys/fs/lease-break-time"))
	if err != nil {
		return
	}
	if n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 32); err == nil && n >= 0 {
		w.timed, w.timeout = n > 0, model.Opt[int64]{}
		if n > 0 {
			w.timeout = model.Some(n * int64(time.Second))
		}
	}
}

// lease finds the file of which a thread waits for a lease to be given up: the kernel's table of
// locks names its process below that lease.
func (r *pass) lease(w *model.Wait, t *thread) {
	var found []string
	for _, e := range r.j.OfKind(model.File) {
		d, ok := e.Object.Detail.(*model.FileDetail)
		if !ok || !slices.ContainsFunc(d.Locks, func(l model.Lock) bool { return l.Type == leaseLock && l.Blocked && l.PID == model.Some(w.PID) }) {
			continue
		}
		found = append(found, e.Object.ID)
		if e.Object.Path == t.target.Path {
			w.Object = e.Object.ID
		}
	}
	if w.Object == "" && len(found) == 1 { // by another name
		w.Object = found[0]
	}
}
