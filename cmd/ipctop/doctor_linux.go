package main

import (
	"context"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/ipctop/ipctop/doctor"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// doctorScan is how long doctor waits for a scan, which gives the limits.
const doctorScan = 5 * time.Second

func (c command) newDoctor(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "say what can be seen here and what is missing",
		Long: "Says what ipctop can see on this machine with the privileges it has, what is hidden and why, and which command\n" +
			"would show it. Every answer is ok, missing, or unknown. Then come the kernel's limits on IPC that are\n" +
			"nearly reached (ipctop dump --only limits has them all).",
		Example: "  ipctop doctor\n  ipctop doctor -o json",
		Args:    noArgs,
	}
	format := addFormat(cmd, "text", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		executable, _ := os.Executable() // "" if unknown: then no command is advised
		root, err := openProc(o.procRoot)
		if err != nil {
			return err
		}
		features := doctor.Features(doctor.Options{ProcRoot: root, Executable: executable})
		// If a scan takes long or fails, the results so far are still useful.
		snap := c.quickSnapshot(cmd.Context(), o)
		if err := cmd.Context().Err(); err != nil {
			return err
		}
		if format.value == "json" {
			return render.DoctorJSON(c.stdout, features, snap)
		}
		return render.Doctor(c.stdout, features, snap, render.Quote, showOptions())
	}
	return cmd
}

// quickSnapshot is a snapshot, or nil if the scan takes longer than [doctorScan]. It does
// not wait for a scan that hangs.
func (c command) quickSnapshot(ctx context.Context, o *options) *model.Snapshot {
	ctx, cancel := context.WithTimeout(ctx, doctorScan)
	defer cancel()
	done := make(chan *model.Snapshot, 1)
	go func() {
		snap, err := c.snapshot(ctx, o)
		if err != nil {
			snap = nil
		}
		done <- snap
	}()
	select {
	case snap := <-done:
		return snap
	case <-ctx.Done():
		return nil
	}
}
