package diagnose

import (
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// Rule is one diagnosis.
type Rule struct {
	ID       string         // what --rule and explain take; also the fixture's name
	Short    string         // two words for a column, if the words of the ID do not fit
	Title    string         // a few plain words
	Severity model.Severity // the worst it reports

	Means      string // what it means
	Evidence   string // on what it is based
	Do         string // what to do
	FalseAlarm string // when it is a false alarm, and what keeps it from being one

	find func(*view) []finding
}

// rules are the diagnoses in order of precedence: what an earlier rule reports, a later
// one does not report again. A new rule adds its line here.
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

// Name returns a short name of a rule, in about two words: pipe full.
func (r *Rule) Name() string {
	if r.Short != "" {
		return r.Short
	}
	return strings.ReplaceAll(r.ID, "-", " ")
}

// RuleName returns the name of the rule with this ID; the ID itself if there is no such rule, as
// in a dump of another version.
func RuleName(id string) string {
	if i := slices.IndexFunc(rules, func(r Rule) bool { return r.ID == id }); i >= 0 {
		return rules[i].Name()
	}
	return id
}

// Rules lists the rules.
func Rules() []Rule { return rules }
