// Package record defines how jobs and uploads are stored: as JSON values of
// key-value buckets, under their IDs.
package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"upscaled/server/job"
)

// Job is a job as it is stored. The JSON names date from the first version.
type Job struct {
	job.Job
	Lane job.Lane `json:"line"`
	// Lease is the token of the worker that holds or held the job.
	Lease string `json:"lease,omitempty"`
	// Holder is the process that leased the job last, if that process holds the
	// embedded server; see reclaim in package queue.
	Holder string `json:"holder,omitempty"`
	// SyncCaller is the process whose call waits for the job, if only that call
	// can return its result.
	SyncCaller string `json:"waiter,omitempty"`
	// Input ends the name of the job's input if a client chose the job's ID: another
	// submission of the same ID must not replace the input. It is "" otherwise.
	Input string `json:"input,omitempty"`
	// ResultImage names the stored result.
	ResultImage string `json:"object,omitempty"`

	// Run is a token of the latest run that an operator asked for, "" before.
	Run string `json:"run,omitempty"`

	// Revision is compared by compare-and-swap; 0 for a job that was never written, as far
	// as this process knows.
	Revision uint64 `json:"-"`
}

// Once is the record of an Idempotency-Key: written before its jobs, and changed
// by compare-and-swap, so that one submission at a time claims each of them.
type Once struct {
	Request string    `json:"request"`
	Created time.Time `json:"created"`
	// Claims are the jobs by their part of the request; none after a refusal.
	Claims map[int]Claim `json:"claims,omitempty"`
}

// Claim is a job that a submission is recording or has recorded. Token and Process
// identify the submission.
type Claim struct {
	Job     string    `json:"job"`
	Token   string    `json:"token"`
	Process string    `json:"process"`
	Created time.Time `json:"created"`
}

// Repeatable reports whether an operator can let the job run again.
func (r Job) Repeatable() bool { return r.State == job.Failed && !r.Sync }

// ChargeID names the charge of the job's latest run. Each run has its own, so that the
// charge of a late retry is never taken for an earlier run's.
func (r Job) ChargeID() string {
	if r.Run == "" {
		return r.ID
	}
	return r.ID + "." + r.Run
}

// Upload is an upload as it is stored. It is written after its contents, so that
// a recorded upload is whole.
type Upload struct {
	job.Upload
	// Image names the stored contents.
	Image string `json:"object"`
}

// ErrForeign is returned for entries that this program did not write, as others
// may on an external NATS: taken for a job, one would fill a place in the queue
// for good.
var ErrForeign = errors.New("the entry was not written by this program")

// Decode reads a job's entry. Whoever is given the job relies on its checks.
func Decode(entry jetstream.KeyValueEntry) (Job, error) {
	r := Job{Revision: entry.Revision()}
	err := json.Unmarshal(entry.Value(), &r)
	//guard:foreign-record FuzzStored
	if err == nil && (r.ID != entry.Key() || !r.consistent()) {
		err = ErrForeign
	}
	if err != nil {
		return Job{}, fmt.Errorf("decode record %s: %w", entry.Key(), err)
	}
	return r, nil
}

// consistent reports whether the state is a known one and its fields are set.
func (r Job) consistent() bool {
	switch r.State {
	case job.Queued, job.Running, job.Canceled:
		return true
	case job.Succeeded:
		return r.Result != nil
	case job.Failed:
		return r.Failure != nil
	}
	return false
}

// DecodeUpload reads an upload's entry.
func DecodeUpload(entry jetstream.KeyValueEntry) (Upload, error) {
	var r Upload
	err := json.Unmarshal(entry.Value(), &r)
	if err == nil && (r.ID != entry.Key() || r.Bytes < 0 || r.Image == "") {
		err = ErrForeign
	}
	if err != nil {
		return Upload{}, fmt.Errorf("decode upload %s: %w", entry.Key(), err)
	}
	return r, nil
}

// ValidID reports whether an ID can be a job's or an upload's. It becomes part of
// subjects, in which other characters have meanings and a long one would break
// the connection: control lines end at 4 KiB.
func ValidID(id string) bool {
	const longest = 100
	for _, c := range []byte(id) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return id != "" && len(id) <= longest
}

const (
	inputPart  = "input"
	partFolder = "part"
	// uploadOwner is no valid ID, so that no job's images can begin with it.
	uploadOwner = "@upload"
)

// InputImage returns the name of the job's input.
func (r Job) InputImage() string { return r.ID + "/" + inputPart + r.Input }

// ResultName returns the name of the result of the current lease of a job, so that a
// lost lease cannot replace the result that the record names.
func (r Job) ResultName() string {
	if r.Film != "" {
		return PartImages(r.Film) + r.ID + "_" + r.Lease
	}
	return r.ID + "/" + r.Lease
}

// PartImages returns the prefix of the names of a film's upscaled parts.
func PartImages(film string) string { return film + "/" + partFolder + "/" }

// UploadImage returns the name of an upload's contents; token is a new one for
// every upload, since IDs may be taken again.
func UploadImage(id, token string) string { return uploadOwner + "/" + id + "/" + token }

// ImageOwner returns whose an image is, the reverse of the functions above.
// lease is "" for inputs and uploads.
func ImageOwner(image string) (id, lease string, upload bool) {
	id, part, _ := strings.Cut(image, "/")
	if id == uploadOwner {
		id, _, _ = strings.Cut(part, "/")
		return id, "", true
	}
	if strings.HasPrefix(part, inputPart) { // a lease's token is hexadecimal
		part = ""
	}
	return id, part, false
}
