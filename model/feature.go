package model

// FeatureState says whether something is available. The third state matters: if that
// could not be determined, it is neither available nor missing.
type FeatureState string

// The states of a [Feature].
const (
	FeatureOK      FeatureState = "ok"
	FeatureMissing FeatureState = "missing"
	FeatureUnknown FeatureState = "unknown"
)

// Feature is something that ipctop's view of a machine depends on: a kernel
// interface, a privilege, a mount.
type Feature struct {
	Name   string       `json:"name" doc:"what it is called"`
	Group  string       `json:"group" doc:"kernel, privilege, proc, mounts or place"`
	State  FeatureState `json:"state" doc:"ok, missing or unknown"`
	Found  string       `json:"found" doc:"what was seen, in words"`
	Hidden string       `json:"hidden,omitzero" doc:"what cannot be seen because it is missing"`
	Advice string       `json:"advice,omitzero" doc:"what makes it visible, in words"`
	Argv   []string     `json:"argv,omitzero" doc:"the command that makes it visible, one argument each"`
}
