# What a client of a Cog container lives through: one step a run.
import base64
import json
import os
import sys

import requests

BASE, HEADERS = os.environ["BASE"], {"Authorization": "Bearer " + os.environ["KEY"]}
with open(os.environ["FILE"], "rb") as file:
    INPUT = {"image": "data:image/jpeg;base64," + base64.b64encode(file.read()).decode(), "scale": 2}


def call(method, path, **more):
    response = requests.request(method, BASE + path, headers=HEADERS | more.pop("headers", {}), timeout=60, **more)
    response.raise_for_status()
    return response.json()


def start(name):
    return call("PUT", "/predictions/" + name, json={"input": INPUT}, headers={"Prefer": "respond-async"})


def success():
    assert call("GET", "/health-check")["status"] == "READY"
    prediction = call("POST", "/predictions", json={"input": INPUT})
    assert prediction["status"] == "succeeded", prediction
    with open(os.environ["OUT"], "wb") as file:
        file.write(base64.b64decode(prediction["output"].split(",")[1]))


def refused():
    call("POST", "/predictions", json={"input": INPUT})


def busy():
    start("first")
    try:
        start("second")
    finally:
        call("POST", "/predictions/first/cancel")


def cancel():
    start("third")
    call("POST", "/predictions/third/cancel")
    return call("PUT", "/predictions/third", json={"input": INPUT})["status"]


try:
    print(json.dumps({"status": 0, "state": globals()[sys.argv[1]]()}))
except requests.HTTPError as error:
    print(json.dumps({"status": error.response.status_code}))
