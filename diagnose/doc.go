// Package diagnose says what is wrong: who is stuck on whom and why, what fills
// up and what was left behind.
//
// It is a pure function of a [model.Snapshot]: it reads no kernel file and measures
// no time, so it works on a dump from another machine. Every diagnosis is a
// [Rule] in a file of its own, rule_ID.go; the list in rule.go names them all.
// The rules about blocked threads use the wait-for graph.
//
// Diagnosis takes the gaps of the snapshot into account: if a holder may be missing,
// a statement that depends on its absence is made with less confidence or not at all,
// and the finding says what lowered the confidence.
//
// Privilege: none. The less of the machine the snapshot shows, the less is
// claimed. Errors: none; what a rule cannot know it does not say.
package diagnose
