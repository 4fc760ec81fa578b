package doctor

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ipctop/ipctop/container"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/proc"
)

// Options say where [Features] looks.
type Options struct {
	ProcRoot   string // where the proc file system is mounted; "" means /proc
	Executable string // ipctop's own path, for the commands it advises
}

// Features finds out what can be seen from here and what is missing. It asks
// the kernel only about ipctop itself, and only what a scan asks, too.
func Features(o Options) []model.Feature {
	if o.ProcRoot == "" {
		o.ProcRoot = "/proc"
	}
	d := &doctor{opts: o, euid: os.Geteuid()}
	d.place()
	d.privilege()
	d.proc()
	d.kernel()
	d.mounts()
	return d.list
}

// doctor collects features.
type doctor struct {
	opts      Options
	euid      int
	caps      uint64 // effective
	capsKnown bool
	list      []model.Feature
}

func (d *doctor) add(f model.Feature) { d.list = append(d.list, f) }

// info adds a fact that is neither present nor missing.
func (d *doctor) info(group, name, found string) {
	d.add(model.Feature{Group: group, Name: name, State: model.FeatureOK, Found: found})
}

// asRoot is the advice to use more privilege: the command, or plain words where ipctop is
// already root but confined.
func (d *doctor) asRoot(f model.Feature) model.Feature {
	if f.State == model.FeatureOK {
		return f
	}
	if d.euid == 0 || d.opts.Executable == "" {
		f.Advice = onHost
		return f
	}
	f.Advice = "run ipctop as root"
	f.Argv = []string{"sudo", d.opts.Executable}
	return f
}

// stateOf turns the error of a call that ipctop made on itself into an answer. A kernel
// without the call returns ENOSYS or the like. A filter that forbids the call returns
// EPERM, which says nothing about the kernel.
func stateOf(err error) (model.FeatureState, string) {
	switch {
	case err == nil:
		return model.FeatureOK, "works"
	case proc.ReasonOf(err) == model.Unsupported, errors.Is(err, unix.ENOTTY):
		return model.FeatureMissing, "this kernel does not have it: " + err.Error()
	case errors.Is(err, unix.ENOENT):
		return model.FeatureMissing, "this kernel does not have it"
	}
	return model.FeatureUnknown, err.Error()
}

// The inode numbers of the first namespaces (include/linux/proc_ns.h).
const (
	initUserNS = 0xEFFFFFFD
	initPIDNS  = 0xEFFFFFFC
)

// onHost is the advice where no privilege helps.
const onHost = "run ipctop as root on the host itself, not within a container or sandbox"

// place says whether ipctop runs on the host itself. A container that shares
// the host's pid namespace hides no process.
func (d *doctor) place() {
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		d.info("place", "kernel", unix.ByteSliceToString(u.Release[:])+" "+unix.ByteSliceToString(u.Machine[:]))
	}
	what, err := containerHint()
	f := model.Feature{
		Group: "place", Name: "the host itself", State: model.FeatureOK, Found: "no sign of a container",
		Hidden: "Processes outside the container",
		Advice: onHost,
	}
	switch {
	case what != "" && inFirstPIDNamespace():
		f.Found = what + ", but all processes of the host can be seen"
	case what != "":
		f.State, f.Found = model.FeatureMissing, "in a container: "+what
	case err != nil:
		f.State, f.Found = model.FeatureUnknown, err.Error()
	}
	d.add(f)
	d.namespace("pid", initPIDNS, "Processes outside this pid namespace")
	d.namespace("user", initUserNS, "What only root of the first user namespace may see")
}

func inFirstPIDNamespace() bool {
	n, err := proc.ReadNamespace("/proc/self/ns/pid")
	return err == nil && n == initPIDNS
}

func (d *doctor) namespace(nsType string, first uint64, hidden string) {
	f := model.Feature{
		Group: "place", Name: "first " + nsType + " namespace", State: model.FeatureOK, Hidden: hidden,
		Advice: onHost,
	}
	n, err := proc.ReadNamespace("/proc/self/ns/" + nsType)
	switch {
	case err != nil:
		f.State, f.Found = model.FeatureUnknown, err.Error()
	case n != first:
		f.State, f.Found = model.FeatureMissing, "ipctop is in "+strconv.FormatUint(n, 10)
	default:
		f.Found = "ipctop is in it"
	}
	d.add(f)
}

// containerHint says which sign of a container there is; "" if there is none.
func containerHint() (string, error) {
	for _, path := range []string{"/run/.containerenv", "/.dockerenv"} {
		if _, err := os.Lstat(path); err == nil {
			return "there is " + path, nil
		}
	}
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	p := model.Process{Cgroup: proc.ParseCgroup(b)}
	container.Place(&p)
	if p.Container != nil {
		return "control group " + p.Cgroup, nil
	}
	return "", nil
}

// proc checks the proc file system that is read.
func (d *doctor) proc() {
	d.pidNamespaceOfProc()
	mounts, err := mountsByPoint()
	d.hidepid(mounts, err)
	for _, file := range []struct{ name, hidden string }{
		{"sched", "How long blocked threads have not run, where schedstat is missing, too"},
		{"schedstat", "How often and how long threads ran"},
		{"syscall", "Which system call a blocked thread is in, and on which object"},
		{"wchan", "Where in the kernel a thread sleeps"},
	} {
		f := model.Feature{Group: "proc", Name: "/proc/PID/" + file.name, Hidden: file.hidden, Advice: "use a kernel that is built with /proc/PID/" + file.name}
		_, err := os.ReadFile("/proc/self/" + file.name)
		f.State, f.Found = stateOf(err)
		d.add(f)
	}
	f := model.Feature{
		Group: "proc", Name: "inode in fdinfo", Hidden: "Which epoll instance watches which file, in part", Advice: "use Linux 5.14 or later",
	}
	b, err := readOwnFDInfo()
	switch {
	case err != nil:
		f.State, f.Found = model.FeatureUnknown, err.Error()
	case hasLine(b, "ino:"):
		f.State, f.Found = model.FeatureOK, "works"
	default:
		f.State, f.Found = model.FeatureMissing, "fdinfo has no line ino:"
	}
	d.add(f)
}

func readOwnFDInfo() ([]byte, error) {
	file, err := os.Open("/proc/self/stat")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(int(file.Fd())))
}

// pidNamespaceOfProc checks whether pids in the proc file system are the same as in system calls.
func (d *doctor) pidNamespaceOfProc() {
	f := model.Feature{
		Group: "proc", Name: d.opts.ProcRoot + " of this pid namespace", State: model.FeatureOK, Found: "its pids are ipctop's",
		Hidden: "All that takes a system call on a pid: bytes queued in pipes, open file descriptions, thread stacks",
		Advice: "run ipctop in the pid namespace that " + d.opts.ProcRoot + " belongs to",
	}
	if same, err := d.samePIDs(); err != nil {
		f.State, f.Found = model.FeatureMissing, err.Error()
	} else if !same {
		f.State, f.Found = model.FeatureMissing, "it belongs to another pid namespace"
	}
	d.add(f)
}

func (d *doctor) samePIDs() (bool, error) {
	root, err := proc.OpenDir(d.opts.ProcRoot)
	if err != nil {
		return false, err
	}
	defer root.Close()
	if _, err := proc.BootTime(root); err != nil {
		return false, err
	}
	_, same := proc.Self(root)
	return same, nil
}

func (d *doctor) hidepid(mounts map[string]mountInfo, err error) {
	f := model.Feature{
		Group: "proc", Name: "all processes in " + d.opts.ProcRoot, State: model.FeatureOK, Found: "no hidepid",
		Hidden: "Other users' processes altogether",
	}
	m, ok := mounts[filepath.Clean(d.opts.ProcRoot)]
	switch {
	case err != nil:
		f.State, f.Found = model.FeatureUnknown, err.Error()
	case !ok:
		f.State, f.Found = model.FeatureUnknown, d.opts.ProcRoot+" is no mount point"
	case m.options["subset"] == "pid":
		f.State, f.Found = model.FeatureMissing, "mounted with subset=pid: only processes, no tables of the machine"
	case m.options["hidepid"] != "" && m.options["hidepid"] != "0" && m.options["hidepid"] != "off":
		f.Found = "mounted with hidepid=" + m.options["hidepid"]
		if d.has(unix.CAP_SYS_PTRACE) {
			f.Found += ", which CAP_SYS_PTRACE overrides"
		} else {
			f.State = model.FeatureMissing
		}
	}
	d.add(d.asRoot(f))
}

// mounts checks the mounts where named objects live.
func (d *doctor) mounts() {
	mounts, err := mountsByPoint()
	for _, want := range []struct{ point, fsType, hidden, advice string }{
		{"/dev/shm", "tmpfs", "POSIX shared memory and semaphores that nobody has mapped", ""},
		{"/dev/mqueue", "mqueue", "POSIX message queues that nobody has open, where ipctop may not mount the file system for itself", ""},
		{"/dev/pts", "devpts", "Names of pseudoterminals", ""},
	} {
		f := model.Feature{Group: "mounts", Name: want.point, Hidden: want.hidden}
		m, ok := mounts[want.point]
		switch {
		case err != nil:
			f.State, f.Found = model.FeatureUnknown, err.Error()
		case !ok && want.fsType == "mqueue" && d.has(unix.CAP_SYS_ADMIN):
			f.State, f.Found = model.FeatureOK, "not mounted; ipctop looks into one of its own that nobody else sees"
		case !ok:
			f.State, f.Found = model.FeatureMissing, "not mounted"
		case m.fsType != want.fsType:
			f.State, f.Found = model.FeatureMissing, "it is "+m.fsType+", not "+want.fsType
		default:
			f.State, f.Found = model.FeatureOK, m.fsType
		}
		d.add(d.asRoot(f))
	}
}
