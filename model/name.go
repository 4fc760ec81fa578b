package model

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// interpreter describes the arguments of a program that runs scripts.
type interpreter struct {
	name *regexp.Regexp

	code   string   // letters of the options whose value is the code itself: there is no script
	text   []string // the same as long options
	module string   // letters of the options whose value is the module to run
	runs   []string // the same as long options
	values []string // other options that take the next argument
	verbs  []string // commands before the script
}

// interpreters run scripts, by whose names people know the process.
var interpreters = []interpreter{
	{name: regexp.MustCompile(`^(?:python|pypy)[0-9.]*$`), code: "c", module: "m", values: []string{"-W", "-X", "--check-hash-based-pycs"}},
	{name: regexp.MustCompile(`^perl[0-9.]*$`), code: "eE", values: []string{"-I"}},
	{name: regexp.MustCompile(`^ruby[0-9.]*$`), code: "e", values: []string{"-I", "-r", "-C", "-E"}},
	{
		name: regexp.MustCompile(`^node(?:js)?$`), code: "ep", text: []string{"--eval", "--print"},
		values: []string{"-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions"},
	},
	{name: regexp.MustCompile(`^(?:deno|bun)$`), code: "e", text: []string{"--eval", "eval"}, verbs: []string{"run", "x"}, values: []string{"-c", "--config"}},
	{name: regexp.MustCompile(`^php[0-9.]*$`), code: "r", module: "f", values: []string{"-c", "-d", "-z", "-t"}},
	{name: regexp.MustCompile(`^lua(?:jit)?[0-9.]*$`), code: "e", values: []string{"-l"}},
	{name: regexp.MustCompile(`^(?:ba|da|z|k|mk|fi|a)?sh$`), code: "cs", values: []string{"-o", "+o", "-O", "+O", "--rcfile", "--init-file"}},
	{
		name: regexp.MustCompile(`^java$`), runs: []string{"-jar", "-m", "--module"},
		values: []string{
			"-cp", "-classpath", "--class-path", "-p", "--module-path", "--upgrade-module-path", "--add-modules", "--add-opens",
			"--add-exports", "--add-reads", "--enable-native-access", "--limit-modules", "--source",
		},
	},
	{name: regexp.MustCompile(`^(?:dotnet|mono)$`), verbs: []string{"exec"}, values: []string{"--runtimeconfig", "--depsfile", "--config"}},
	{name: regexp.MustCompile(`^(?:tclsh|wish)[0-9.]*$`)},
	{name: regexp.MustCompile(`^(?:busybox|guile|Rscript)$`), code: "ec", values: []string{"-L"}},
}

// maxComm is the length of a command name without the NUL (TASK_COMM_LEN).
const maxComm = 15

// DisplayName returns the one name that a process has everywhere: for an interpreter
// the script that it runs; for a program that replaced its arguments by a title
// ("postgres: checkpointer") the name at the beginning of the title; otherwise the
// command name, completed from the arguments if the kernel truncated it.
func DisplayName(comm string, cmdline []string) string {
	if len(cmdline) == 0 {
		return comm
	}
	if name, ok := titled(cmdline[0]); ok {
		return name
	}
	program := path.Base(strings.TrimPrefix(cmdline[0], "-"))
	if program == "." || program == "/" || strings.ContainsAny(program, " :") {
		return comm // it has replaced its arguments by something else
	}
	for i := range interpreters {
		if interpreters[i].name.MatchString(program) {
			if script := interpreters[i].script(cmdline[1:]); script != "" {
				return script
			}
			return program
		}
	}
	if name, ok := titled(comm); ok { // "tmux: server"
		return name
	}
	if comm == "" || len(comm) == maxComm && strings.HasPrefix(program, comm) {
		return program
	}
	return comm
}

// titled returns the program's name in a title such as "nginx: worker process".
func titled(arg string) (string, bool) {
	name, rest, ok := strings.Cut(arg, ":")
	if !ok || name == "" || rest != "" && rest[0] != ' ' || strings.ContainsAny(name, " /=@") {
		return "", false
	}
	return name, true
}

// Name is the process's display name; see [DisplayName].
func (p *Process) Name() string {
	if p.Label != "" {
		return p.Label
	}
	return p.Comm
}

// String returns the process's name for sentences and tables: name(pid), or name(pid)@host
// if there are several hosts.
func (p *Process) String() string { return Named(p.Name(), p.PID) }

// Named returns a process's display name with its pid; the pid alone if the name is not
// known.
func Named(name string, pid int) string {
	if name == "" {
		return "process " + PIDNumber(pid)
	}
	if pid >= HostPIDs {
		return nameAtHost(name, pid)
	}
	return name + "(" + strconv.Itoa(pid) + ")"
}

// Title returns the title by which a program has replaced its arguments, if it says more
// than the name: "postgres: shop UPDATE waiting". It is "" for other programs.
func (p *Process) Title() string {
	if len(p.Cmdline) == 0 {
		return ""
	}
	if name, ok := titled(p.Cmdline[0]); ok && strings.TrimSpace(p.Cmdline[0][len(name)+1:]) != "" {
		return strings.TrimSpace(strings.Join(p.Cmdline, " "))
	}
	return ""
}

// script returns the name of the script or module that the interpreter runs; "" if there is none.
func (in *interpreter) script(args []string) string {
	for i := 0; i < len(args); i++ {
		a := args[i]
		next := func() string {
			if i+1 < len(args) {
				return scriptName(args[i+1])
			}
			return ""
		}
		switch {
		case a == "" || a == "-" || slices.Contains(in.text, a):
			return ""
		case a == "--", slices.Contains(in.runs, a):
			return next()
		case slices.Contains(in.values, a):
			i++
		case slices.Contains(in.verbs, a):
			// the script comes next, whatever it is called
			return (&interpreter{code: in.code, text: in.text, values: in.values}).script(args[i+1:])
		case !strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "+"):
			return scriptName(a)
		case strings.HasPrefix(a, "--"):
		default:
			// Letters may be combined: bash -lc TEXT, python3 -um MODULE.
			letters := a[1:]
			if !onlyLetters(letters) {
				continue
			}
			if strings.ContainsAny(letters, in.code) {
				return ""
			}
			if strings.ContainsAny(letters, in.module) {
				return next()
			}
		}
	}
	return ""
}

func onlyLetters(s string) bool {
	return len(s) <= 4 && !strings.ContainsFunc(s, func(r rune) bool { return r < 'A' || r > 'z' })
}

// scriptName returns the name of a script; "" if it has no name of its own.
func scriptName(arg string) string {
	if strings.HasPrefix(arg, "/dev/fd/") || strings.HasPrefix(arg, "/proc/") || arg == "" {
		return ""
	}
	return path.Base(arg)
}
