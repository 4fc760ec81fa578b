package model

import (
	"slices"
	"time"
)

// Severity is the severity of a finding.
type Severity string

// The severities, worst first.
const (
	Critical Severity = "critical"
	Warning  Severity = "warning"
	Info     Severity = "info"
)

// Rank orders severities: 0 is the worst. Unknown values sort last.
func (s Severity) Rank() int { return place([]Severity{Critical, Warning, Info}, s) }

// Finding is a diagnosis. Its id consists of rule, root and objects, so it stays the
// same while the cause lasts.
type Finding struct {
	ID         string     `json:"id" ref:"object" doc:"rule, root and objects"`
	Rule       string     `json:"rule" doc:"the rule that found it"`
	Title      string     `json:"title" doc:"the rule's title"`
	Host       string     `json:"host,omitzero" doc:"host of its root cause or of its objects, if there are several hosts"`
	Severity   Severity   `json:"severity" doc:"critical, warning or info"`
	Confidence Confidence `json:"confidence" doc:"certain, likely or possible"`
	LoweredBy  []string   `json:"lowered_by,omitzero" doc:"gaps and doubts that lowered the confidence"`
	Since      time.Time  `json:"since,omitzero" doc:"since when, as far as can be told"`
	Summary    string     `json:"summary" doc:"one sentence"`
	Root       *Root      `json:"root,omitzero" doc:"the root cause"`
	Victims    []int      `json:"victims" ref:"pid" doc:"pids that suffer"`
	Chain      []Step     `json:"chain" doc:"from the victim to the root cause"`
	PIDs       []int      `json:"pids" ref:"pid" doc:"all processes concerned"`
	Objects    []string   `json:"objects" ref:"object" doc:"all objects concerned"`
	Containers []string   `json:"containers,omitzero" doc:"containers concerned"`
	Evidence   []Evidence `json:"evidence" doc:"what it is based on"`
	Actions    []Action   `json:"actions" doc:"what can be done from outside"`
	Symptoms   []string   `json:"symptoms,omitzero" ref:"object" doc:"further findings that this one explains"`
}

// Root is the root cause of a finding and what it does.
type Root struct {
	PID   int    `json:"pid" ref:"pid" doc:"the process"`
	TID   int    `json:"tid,omitzero" ref:"pid" doc:"the thread"`
	Comm  string `json:"comm" ref:"name" doc:"the display name of its process"`
	Doing string `json:"doing" doc:"what it does"`
}

// Step is one step of a chain.
type Step struct {
	PID      int    `json:"pid" ref:"pid" doc:"the process"`
	TID      int    `json:"tid,omitzero" ref:"pid" doc:"the thread"`
	Comm     string `json:"comm" ref:"name" doc:"the display name of its process"`
	Object   string `json:"object,omitzero" ref:"object" doc:"the object between it and the next step"`
	Relation string `json:"relation" doc:"relation to the next step"`
}

// Evidence is one fact and where it was read.
type Evidence struct {
	Source string `json:"source" doc:"the kernel file or call"`
	Text   string `json:"text" doc:"what it said"`
}

// Action is something that can be done from outside.
type Action struct {
	Argv   []string `json:"argv" doc:"the command, one argument each"`
	Effect string   `json:"effect" doc:"what it does"`
	Risk   string   `json:"risk" doc:"none, loses-data or ends-process"`
}

// place returns the index of x in a list; the length of the list if it is not there.
func place[T comparable](list []T, x T) int {
	if i := slices.Index(list, x); i >= 0 {
		return i
	}
	return len(list)
}
