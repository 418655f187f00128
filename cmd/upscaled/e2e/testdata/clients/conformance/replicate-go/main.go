// Replicate-go lives through what a client of Replicate does, by the official
// module: one step a run.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/replicate/replicate-go"
)

const (
	model   = "nightmareai/real-esrgan"
	version = "f121d640bd286e1fdc67f9799164c1d5be36ff74576ee11c803ae5b665dd46aa"
)

type client struct{ *replicate.Client }

func main() {
	c, err := replicate.NewClient(replicate.WithToken(os.Getenv("KEY")), replicate.WithBaseURL(os.Getenv("BASE")+"/v1"))
	if err != nil {
		panic(err)
	}
	state, err := client{c}.step(context.Background(), os.Args[1])
	answer := map[string]any{"status": 0, "state": state}
	var refused *replicate.APIError
	if errors.As(err, &refused) {
		answer = map[string]any{"status": refused.Status}
	} else if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(answer)
}

func (c client) step(ctx context.Context, name string) (string, error) {
	switch name {
	case "busy":
		first, err := c.create(ctx)
		if err != nil {
			return "", err
		}
		_, err = c.create(ctx)
		_, canceling := c.CancelPrediction(ctx, first.ID)
		return "", errors.Join(err, canceling)
	case "cancel":
		p, err := c.create(ctx)
		if err != nil {
			return "", err
		}
		if _, err := c.CancelPrediction(ctx, p.ID); err != nil {
			return "", err
		}
		p, err = c.GetPrediction(ctx, p.ID)
		if err != nil {
			return "", err
		}
		return string(p.Status), nil
	}
	if err := c.lookAround(ctx); err != nil {
		return "", err
	}
	input, err := c.input(ctx)
	if err != nil {
		return "", err
	}
	output, err := c.RunWithOptions(ctx, model, input, nil, replicate.WithBlockUntilDone(), replicate.WithFileOutput())
	if err != nil {
		return "", err
	}
	image, err := io.ReadAll(output.(*replicate.FileOutput))
	if err != nil {
		return "", err
	}
	return "", os.WriteFile(os.Getenv("OUT"), image, 0o666)
}

// lookAround makes the calls that the command line checks a key with, and lists.
func (c client) lookAround(ctx context.Context) error {
	_, account := c.GetCurrentAccount(ctx)
	_, hardware := c.ListHardware(ctx)
	_, models := c.ListModels(ctx)
	_, found := c.SearchModels(ctx, "esrgan")
	_, files := c.ListFiles(ctx)
	_, collections := c.ListCollections(ctx)
	_, trainings := c.ListTrainings(ctx)
	_, deployments := c.ListDeployments(ctx)
	_, unknown := c.GetCollection(ctx, "super-resolution")
	var refused *replicate.APIError
	if errors.As(unknown, &refused) && refused.Status == 404 {
		unknown = nil
	}
	_, secret := c.GetDefaultWebhookSecret(ctx)
	return errors.Join(account, hardware, models, found, files, collections, trainings, deployments, unknown, secret)
}

func (c client) input(ctx context.Context) (replicate.PredictionInput, error) {
	file, err := c.CreateFileFromPath(ctx, os.Getenv("FILE"), nil)
	return replicate.PredictionInput{"image": file, "scale": 2}, err
}

func (c client) create(ctx context.Context) (*replicate.Prediction, error) {
	input, err := c.input(ctx)
	if err != nil {
		return nil, err
	}
	return c.CreatePrediction(ctx, version, input, nil, false)
}
