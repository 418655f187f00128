# What a client of Replicate lives through, by the official package: one step a run.
import json
import os
import sys

import replicate

MODEL = "nightmareai/real-esrgan:f121d640bd286e1fdc67f9799164c1d5be36ff74576ee11c803ae5b665dd46aa"
client = replicate.Client(api_token=os.environ["KEY"], base_url=os.environ["BASE"])


def create():
    with open(os.environ["FILE"], "rb") as image:
        return client.predictions.create(version=MODEL.split(":")[1], input={"image": image, "scale": 2}, wait=False)


def success():  # the quick start
    with open(os.environ["FILE"], "rb") as image:
        output = client.run(MODEL, input={"image": image, "scale": 2})
    with open(os.environ["OUT"], "wb") as file:
        file.write(output.read())


def refused():
    with open(os.environ["FILE"], "rb") as image:
        client.run(MODEL, input={"image": image, "scale": 2})


def busy():
    first = create()
    try:
        create()
    finally:
        first.cancel()


def cancel():
    prediction = create()
    prediction.cancel()
    prediction.reload()
    return prediction.status


try:
    print(json.dumps({"status": 0, "state": globals()[sys.argv[1]]()}))
except replicate.exceptions.ReplicateError as error:
    print(json.dumps({"status": error.status}))
