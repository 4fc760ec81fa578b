package testfixtures

import (
	"slices"
	"strconv"
)

// ruleFixtures are the faults and their negative controls, in files named rule_ID.go. A new
// rule adds its line here.
func ruleFixtures() []Fixture {
	list := slices.Concat(
		deadlockFixtures(),
		semNobodyPostsFixtures(),
		mutexOwnerDeadFixtures(),
		condWaitersDeadFixtures(),
		semOwnerDeadFixtures(),
		selfWaitFixtures(),
		holderStoppedFixtures(),
		lockInheritedFixtures(),
		waitChainFixtures(),
		leakedWriteEndFixtures(),
		keptOpenFixtures(),
		pipeFullFixtures(),
		socketFullFixtures(),
		ptyNotReadFixtures(),
		lockWaitFixtures(),
		fifoOpenWaitsFixtures(),
		databaseLockFixtures(),
		noReaderFixtures(),
		inheritedListenerFixtures(),
		backlogFullFixtures(),
		socketPathFixtures(),
		queueFullFixtures(),
		noMessageOfTypeFixtures(),
		fdInFlightFixtures(),
		closeWaitFixtures(),
		zombiesFixtures(),
		stoppedByTTYFixtures(),
		termSignalBlockedFixtures(),
		signalQueueNearLimitFixtures(),
		smallPipeFixtures(),
		limitNearFixtures(),
		deletedStillMappedFixtures(),
		openPermissionsFixtures(),
		orphanSysvShmFixtures(),
		orphanSysvMsgFixtures(),
		orphanSysvSemFixtures(),
		orphanPosixFixtures(),
	)
	for i := range list {
		list[i].rule = true
	}
	return list
}

// aboutProcess is a fixture about a process, without an object.
func aboutProcess(p *process) object {
	return object{"process:" + strconv.Itoa(p.pid), tree{"pid": p.pid, "comm": p.comm}}
}

// aboutObject is a fixture about an object of which only the id is compared.
func aboutObject(id string) object { return object{id, tree{"id": id}} }
