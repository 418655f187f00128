package queue

// Failpoint is a step that a process has just done for a job, a delivery or an
// upload. The process may die there, after the store or another process has
// changed.
type Failpoint string

// The steps, in the order of a job's life.
const (
	AfterClaim  Failpoint = "claimed" // by an Idempotency-Key
	AfterCharge Failpoint = "charged"
	AfterInput  Failpoint = "input stored"
	AfterRecord Failpoint = "recorded"
	AfterQueue  Failpoint = "queued"

	AfterTake        Failpoint = "taken" // the work item, by a worker
	AfterStartNotice Failpoint = "start announced"
	AfterBegin       Failpoint = "begun"
	AfterRead        Failpoint = "input read"
	AfterResult      Failpoint = "result stored"
	AfterEndNotice   Failpoint = "end announced"
	AfterEnd         Failpoint = "ended" // the record is final
	AfterSettle      Failpoint = "charge settled or refunded"
	AfterInputGone   Failpoint = "input removed"
	AfterAck         Failpoint = "work item acknowledged"

	AfterRequeue  Failpoint = "requeued" // the record of a job that runs again
	AfterHandBack Failpoint = "work item handed back"
	AfterUnqueue  Failpoint = "work item removed"
	AfterErase    Failpoint = "record erased" // of a deleted job, or a submission that is refused late

	AfterImagesGone Failpoint = "images erased" // of a deleted job

	AfterCall        Failpoint = "webhook called"
	AfterDeliveryAck Failpoint = "delivery acknowledged"

	AfterContents     Failpoint = "contents stored" // of an upload
	AfterUploadRecord Failpoint = "upload recorded"
	AfterUploadErase  Failpoint = "upload erased"
	AfterContentsGone Failpoint = "contents removed"
)
