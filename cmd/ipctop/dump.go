package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/query"
	"github.com/ipctop/ipctop/render"
)

// dumpOptions are the flags of dump.
type dumpOptions struct {
	outputOptions
	kinds       []string
	pids        []int
	users       []string
	containers  []string
	where       string
	only        []string
	redact      bool
	descriptors bool
	strict      bool
}

func (c command) newDump(o *options) *cobra.Command {
	d := new(dumpOptions)
	cmd := &cobra.Command{
		Use:     "dump",
		Aliases: []string{"ls"},
		Short:   "print everything once",
		Long: "Prints the IPC objects of the machine and who uses them.\n\n" +
			"Tables are for people; scripts should use -o json, jsonl, csv, id or pid. A field that could not be\n" +
			"read is missing in JSON and ? in a table: it is never 0. Blank is what does not apply. Tables sort sockets\n" +
			"by address, listeners first, and keep the two ends of a connection together.\n\n" +
			"--where takes an expression over the field names of the JSON (expr-lang.org). A comparison with something\n" +
			"unknown is neither true nor false: the object is left out, and standard error says how many were.\n" +
			"field == nil tests whether a field is unknown, field ?? 0 gives it a value.",
		Example: "  ipctop dump -k pipe,fifo\n" +
			"  ipctop dump -Q 'detail.queued > 4096 && any(holders, .comm == \"nginx\")'\n" +
			"  ipctop dump --only processes -o wide\n" +
			"  ipctop dump --columns id,peers,detail.queued\n" +
			"  ipctop dump --json --redact > state.json",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.dump(cmd.Context(), o, d) },
	}
	f := cmd.Flags()
	o.addSelf(f)
	d.add(f)
	o.addHistory(f)
	f.StringSliceVarP(&d.kinds, "kind", "k", nil, "only objects of this `KIND`; may be repeated (see ipctop kinds)")
	f.VarP((*pidList)(&d.pids), "pid", "p", "only this process and what it holds; `PID` may be repeated")
	f.StringSliceVarP(&d.users, "user", "u", nil, "only this `USER`'s processes and objects; a name or a number")
	f.StringSliceVarP(&d.containers, "container", "c", nil, "only this `CONTAINER`; its name, pod, or the start of its id")
	f.StringVarP(&d.where, "where", "Q", "", "only objects for which `EXPR` is true; with --only, records of the first list named")
	f.StringSliceVar(&d.only, "only", nil, "only these `LISTS`: "+strings.Join(render.Lists, ", "))
	f.DurationVar(&o.sample, "sample", 0, "pause for `TIME` between the two samples of blocked threads, such as 1s")
	o.addRates(f)
	f.BoolVar(&d.redact, "redact", false, "replace commands, paths, names, users and hosts with pseudonyms")
	f.BoolVar(&d.descriptors, "descriptors", false, "in JSON, include the flags and the file offset of each descriptor")
	f.BoolVar(&d.strict, "strict", false, "exit with status 4 if anything could not be read")
	return cmd
}

// dump makes or reads a snapshot, selects from it and writes the result. All errors in the flags are
// reported before that.
func (c command) dump(ctx context.Context, o *options, d *dumpOptions) error {
	if o.sample < 0 {
		return usageError("--sample %v: it cannot be negative", o.sample)
	}
	if err := o.checkRates(); err != nil {
		return err
	}
	kinds, err := query.ParseKinds(d.kinds)
	if err != nil {
		return usageError("%w", err)
	}
	request, err := d.request(c.stdout, d.only, kinds)
	if err != nil {
		return err
	}
	request.Findings = len(d.only) == 0 && len(kinds) == 0 && d.where == ""
	var where *query.Condition
	if d.where != "" {
		if where, err = query.CompileCondition(request.Lists()[0], d.where); err != nil {
			return usageError("--where: %w", err)
		}
	}
	selection := query.Selection{Kinds: kinds, PIDs: d.pids, Users: d.users, Containers: d.containers}
	if d.descriptors {
		detailed := *o
		detailed.detail = func(snap *model.Snapshot) (_ []int, ids []string) {
			for _, chosen := range selection.Apply(snap).Objects {
				ids = append(ids, chosen.ID)
			}
			return nil, ids
		}
		o = &detailed
	}
	whole, err := c.snapshot(ctx, o)
	if err != nil {
		return err
	}
	if user := unmatchedUser(whole, d.users); user != "" {
		return &exitError{exitNotFound, fmt.Errorf("no visible process or object belongs to a user %s", query.Quote(user))}
	}
	snap := selection.Apply(whole)
	if request.Format != "json" && request.Format != "jsonl" { // JSON marks ipctop's own processes instead
		snap = query.WithoutOwn(snap)
	}
	if where != nil {
		snap = where.Apply(snap)
	}
	if d.redact {
		r := query.NewRedactor()
		snap, whole = r.Redact(snap), r.Redact(whole)
	}
	request.Index = o.indexOf(whole)
	found, err := render.Write(c.stdout, request, whole, snap)
	if err != nil {
		return err
	}
	if where != nil {
		for _, l := range where.LeftOut() {
			fmt.Fprintln(c.stderr, "ipctop:", l)
		}
	}
	if note := request.Note(whole, found); note != "" {
		fmt.Fprintln(c.stderr, "ipctop:", note)
	}
	if d.strict && incomplete(whole) {
		return &exitError{exitIncomplete, fmt.Errorf("incomplete: %s", render.GapSummary(whole))}
	}
	return nil
}

// unmatchedUser returns the first of the users to whom nothing belongs; "" if there is none.
func unmatchedUser(snap *model.Snapshot, users []string) string {
	known := map[string]bool{}
	for i := range snap.Processes {
		p := snap.Processes[i]
		known[p.User] = true
		if uid, ok := p.UID.Get(); ok {
			known[strconv.Itoa(uid)] = true
		}
	}
	for i := range snap.Objects {
		if uid, ok := snap.Objects[i].UID.Get(); ok {
			known[strconv.Itoa(uid)] = true
		}
	}
	for _, u := range users {
		if !known[u] {
			return u
		}
	}
	return ""
}
