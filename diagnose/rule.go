package diagnose

import "github.com/ipctop/ipctop/model"

// Rule is one diagnosis.
type Rule struct {
	ID       string         // what --rule and explain take; also the fixture's name
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

// Rules lists the rules.
func Rules() []Rule { return rules }
