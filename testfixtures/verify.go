package testfixtures

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// ErrNotSeen says that a snapshot has no such object at all.
var ErrNotSeen = errors.New("it is not in the snapshot")

// Verify compares an instance with a snapshot. The error says what differs.
func Verify(snap *model.Snapshot, inst *Instance) error {
	actual, err := shown(snap, inst)
	if err != nil {
		return err
	}
	if err := Match(inst.Expect, actual); err != nil {
		return err
	}
	if inst.Diagnosis != nil && snap.Findings != nil {
		if err := inst.Diagnosis.verify(snap.Findings); err != nil {
			return err
		}
	}
	if snap.Waits == nil || inst.Waits == nil {
		return nil // waits were not read, or none are expected
	}
	text := []byte{'['}
	for i := range snap.Waits {
		if i > 0 {
			text = append(text, ',')
		}
		text = model.AppendJSON(text, &snap.Waits[i])
	}
	if err := Match(inst.Waits, append(text, ']')); err != nil {
		return fmt.Errorf("waits%w", err)
	}
	return nil
}

// shown is the object or process of an instance as JSON, in the form of the dump.
func shown(snap *model.Snapshot, inst *Instance) ([]byte, error) {
	if pid, ok := strings.CutPrefix(inst.Object, "process:"); ok {
		n, err := strconv.Atoi(pid)
		if err != nil {
			return nil, fmt.Errorf("object %q: %w", inst.Object, err)
		}
		for i := range snap.Processes {
			if snap.Processes[i].PID == n {
				return model.AppendJSON(nil, snap.Processes[i]), nil
			}
		}
		return nil, ErrNotSeen
	}
	for i := range snap.Objects {
		if snap.Objects[i].ID == inst.Object {
			return model.AppendJSON(nil, snap.Objects[i]), nil
		}
	}
	return nil, ErrNotSeen
}
