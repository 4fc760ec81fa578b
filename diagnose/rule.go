package diagnose

import (
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// Rule is one diagnosis.
type Rule struct {
	ID       string         // what --rule and explain take; also the fixture's name
	Short    string         // two words for a column, where those of the ID will not do
	Title    string         // a few plain words
	Severity model.Severity // the worst it reports

	Means      string // what it means
	Evidence   string // what it rests on
	Do         string // what to do
	FalseAlarm string // when it is a false alarm, and what keeps it from being one

	find func(*view) []finding
}

// rules are the diagnoses, in the order in which one explains another: what an
// earlier rule reports, a later one does not report again. A new rule adds its
// line here.
var rules = []Rule{
	deadlockRule,
	semNobodyPostsRule,
	mutexOwnerDeadRule,
	condWaitersDeadRule,
	semOwnerDeadRule,
	selfWaitRule,
	holderStoppedRule,
	lockInheritedRule,
	waitChainRule,
	leakedWriteEndRule,
	keptOpenRule,
	pipeFullRule,
	socketFullRule,
	ptyNotReadRule,
	lockWaitRule,
	fifoOpenWaitsRule,
	databaseLockRule,
	noReaderRule,
	inheritedListenerRule,
	backlogFullRule,
	unreachableListenerRule,
	staleSocketPathRule,
	queueFullRule,
	noMessageOfTypeRule,
	fdInFlightRule,
	closeWaitRule,
	zombiesRule,
	stoppedByTTYRule,
	termSignalBlockedRule,
	signalQueueNearLimitRule,
	smallPipeRule,
	limitNearRule,
	deletedStillMappedRule,
	openPermissionsRule,
	orphanSysvShmRule,
	orphanSysvMsgRule,
	orphanSysvSemRule,
	orphanPosixShmRule,
	orphanPosixSemRule,
	orphanPosixMqRule,
}

// Name is what a rule is called where there is room for two words: pipe full.
func (r *Rule) Name() string {
	if r.Short != "" {
		return r.Short
	}
	return strings.ReplaceAll(r.ID, "-", " ")
}

// RuleName is the name of the rule with this ID; the ID where there is none, as in the
// dump of another version.
func RuleName(id string) string {
	if i := slices.IndexFunc(rules, func(r Rule) bool { return r.ID == id }); i >= 0 {
		return rules[i].Name()
	}
	return id
}

// Rules lists the rules.
func Rules() []Rule { return rules }
