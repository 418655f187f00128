package queue

// Step is something that a process has just done for a job, a notice or an
// upload: after it the store, or what others were told, is another than before.
type Step string

// The steps in the order of a life. Between any two of them a process may end.
const (
	StepCharged  Step = "charged"
	StepInput    Step = "input stored"
	StepRecorded Step = "recorded"
	StepQueued   Step = "queued"

	StepTaken         Step = "taken" // the work item, by a worker
	StepStartedNotice Step = "begin announced"
	StepBegun         Step = "begun"
	StepRead          Step = "input read"
	StepResult        Step = "result stored"
	StepEndedNotice   Step = "end announced"
	StepEnded         Step = "ended" // the record is final
	StepAccounted     Step = "charge settled or refunded"
	StepInputGone     Step = "input removed"
	StepAcknowledged  Step = "work item acknowledged"

	StepPutBack    Step = "put back" // the record of a job that is to run again
	StepHandedBack Step = "work item handed back"
	StepUnqueued   Step = "work item removed"
	StepErased     Step = "record erased" // of a submission that is refused late

	StepCalled  Step = "webhook called"
	StepNoticed Step = "notice removed"

	StepContents     Step = "contents stored" // of an upload
	StepDescribed    Step = "upload described"
	StepUndescribed  Step = "upload removed"
	StepContentsGone Step = "contents removed"
)

// passed tells the tests of a step.
func (q *Queue) passed(step Step, id string) {
	if q.options.Passed != nil {
		q.options.Passed(step, id)
	}
}
