package testfixtures

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// Unseen says why ipctop cannot see all of an instance from where it runs. It is called
// after [Verify] has failed. "" means that nothing in the snapshot explains the failure, so
// it is a defect. In a container ipctop may be unable to compare descriptors or to read
// processes of other users, and it does not see processes outside.
func Unseen(snap *model.Snapshot, inst *Instance) string {
	found, err := find([]string{inst.Fixture})
	if err != nil {
		return ""
	}
	compared := false
	for i := range snap.Gaps {
		g := &snap.Gaps[i]
		switch {
		case g.Op == "readlink" && g.Reason == model.Denied && slices.Contains(inst.PIDs, g.PID):
			return "needs CAP_SYS_PTRACE, to see descriptors of another user"
		case g.Probe == "process" && g.Op == "list" && g.Reason == model.Unsupported && found[0].everybody:
			return "needs all processes of the machine, not those of one pid namespace"
		case (g.Op == "compare descriptors" || g.Op == "compare watches") && g.Reason == model.Denied:
			compared = true
		}
	}
	if !compared {
		return ""
	}
	rest := *inst
	if rest.Expect, err = withoutComparisons(inst.Expect); err != nil || Verify(snap, &rest) != nil {
		return ""
	}
	return "needs kcmp(2), which is refused here: which descriptors are one open file is not known"
}

// withoutComparisons removes from the expected fields of an object those that need a
// comparison of descriptors: which holders share an open file description, and which object
// is watched. Without comparisons, an object that is named after its lowest holder because
// it has no inode appears once for each holder.
func withoutComparisons(expect json.RawMessage) (json.RawMessage, error) {
	var o struct {
		rest    tree
		ID      string `json:"id"`
		Holders []tree `json:"holders"`
		Detail  struct {
			Watches []tree `json:"watches"`
		} `json:"detail"`
	}
	if err := json.Unmarshal(expect, &o); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(expect, &o.rest); err != nil {
		return nil, err
	}
	if o.Holders != nil {
		if _, named, _ := strings.Cut(o.ID, ":"); strings.Contains(named, ".") {
			o.Holders = slices.DeleteFunc(o.Holders, func(h tree) bool { return fmt.Sprintf("%v.%v", h["pid"], h["fd"]) != named })
		}
		for _, h := range o.Holders {
			delete(h, "ofd")
		}
		o.rest["holders"] = o.Holders
	}
	if detail, ok := o.rest["detail"].(tree); ok && o.Detail.Watches != nil {
		for _, w := range o.Detail.Watches {
			delete(w, "object")
		}
		detail["watches"] = o.Detail.Watches
	}
	return json.Marshal(o.rest)
}
