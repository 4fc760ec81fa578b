package doctor

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/prometheus/procfs"

	"github.com/ipctop/ipctop/model"
)

// capNames are the capabilities by number (capabilities(7)).
var capNames = []string{
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE",
	"NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT",
	"SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE",
	"AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ",
	"PERFMON", "BPF", "CHECKPOINT_RESTORE",
}

// capabilityNames names the capabilities of a mask.
func capabilityNames(mask uint64) []string {
	var names []string
	for i := range 64 {
		if mask>>i&1 == 0 {
			continue
		}
		if i < len(capNames) {
			names = append(names, "CAP_"+capNames[i])
		} else {
			names = append(names, "capability "+strconv.Itoa(i))
		}
	}
	return names
}

// describeCapabilities names the capabilities of a mask, or the ones it lacks
// where that is shorter.
func describeCapabilities(mask uint64) string {
	names := capabilityNames(mask)
	missing := capabilityNames((1<<len(capNames) - 1) &^ mask)
	switch {
	case len(names) == 0:
		return "none"
	case len(missing) == 0:
		return "all"
	case len(missing) < len(names):
		return "all but " + strings.Join(missing, " ")
	}
	return strings.Join(names, " ")
}

// parseCapEff finds the effective capabilities in /proc/PID/status
// (proc_pid_status(5)).
func parseCapEff(status []byte) (uint64, bool) {
	for line := range bytes.Lines(status) {
		if v, ok := bytes.CutPrefix(line, []byte("CapEff:")); ok {
			n, err := strconv.ParseUint(string(bytes.TrimSpace(v)), 16, 64)
			return n, err == nil
		}
	}
	return 0, false
}

func (d *doctor) has(capability int) bool { return d.capsKnown && d.caps>>capability&1 == 1 }

// wanted are the capabilities with which ipctop shows more.
var wanted = []struct {
	number int
	hidden string
}{
	{unix.CAP_SYS_PTRACE, "Descriptors, mappings and waits of other users' processes"},
	{unix.CAP_SYS_ADMIN, "Sockets, queues and shared memory of other namespaces: what containers use"},
	{unix.CAP_IPC_OWNER, "Values of other users' System V semaphores"},
	{unix.CAP_DAC_READ_SEARCH, "Descriptors of other users' processes, also with CAP_SYS_PTRACE: their directories are closed to others"},
}

// privilege reports the user and the capabilities of ipctop.
func (d *doctor) privilege() {
	d.info("privilege", "effective user", strconv.Itoa(d.euid))
	status, err := os.ReadFile("/proc/self/status")
	if err == nil {
		d.caps, d.capsKnown = parseCapEff(status)
	}
	if d.capsKnown {
		d.info("privilege", "capabilities", describeCapabilities(d.caps))
	}
	for _, w := range wanted {
		f := model.Feature{Group: "privilege", Name: "CAP_" + capNames[w.number], Hidden: w.hidden}
		switch {
		case !d.capsKnown:
			f.State, f.Found = model.FeatureUnknown, "no CapEff in /proc/self/status"
		case d.has(w.number):
			f.State, f.Found = model.FeatureOK, "effective"
		default:
			f.State, f.Found = model.FeatureMissing, "not effective"
		}
		d.add(d.asRoot(f))
	}
	d.yama()
}

// yama reports the restriction of ptrace (Yama, Documentation/admin-guide/LSM).
func (d *doctor) yama() {
	f := model.Feature{
		Group: "privilege", Name: "right to attach (yama)", State: model.FeatureOK,
		Hidden: "Bytes queued in pipes, and what other processes of this user wait for",
	}
	b, err := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope")
	scope := string(bytes.TrimSpace(b))
	f.Found = "ptrace_scope is " + scope
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Found = "no such restriction"
	case err != nil:
		f.State, f.Found = model.FeatureUnknown, err.Error()
	case scope == "0":
	case scope == "3":
		f.State, f.Advice = model.FeatureMissing, "ptrace_scope 3 stays until the next boot (kernel.yama.ptrace_scope)"
		d.add(f)
		return
	case d.has(unix.CAP_SYS_PTRACE):
		f.Found += ", which CAP_SYS_PTRACE overrides"
	default:
		f.State = model.FeatureMissing
	}
	d.add(d.asRoot(f))
}

// mountInfo is what doctor needs to know of a mount.
type mountInfo struct {
	fsType  string
	options map[string]string
}

// mountsByPoint lists the topmost mount at each mount point of ipctop's own
// namespace.
func mountsByPoint() (map[string]mountInfo, error) {
	infos, err := procfs.GetMounts()
	if err != nil {
		return nil, err
	}
	m := make(map[string]mountInfo, len(infos))
	for _, i := range infos {
		m[i.MountPoint] = mountInfo{i.FSType, i.SuperOptions}
	}
	return m, nil
}

func hasLine(text []byte, prefix string) bool {
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(line, []byte(prefix)) {
			return true
		}
	}
	return false
}
