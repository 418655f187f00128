# What the clients of five vendors live through, in the forms of their pages: one step
# a run. A job of the native API fills the queue.
import base64
import json
import os
import sys
import time

import requests

BASE, KEY = os.environ["BASE"], os.environ["KEY"]
with open(os.environ["FILE"], "rb") as file:
    IMAGE = file.read()


def call(method, path, headers=None, **more):
    headers = {"Authorization": "Bearer " + KEY} if headers is None else headers
    response = requests.request(method, BASE + path, headers=headers, timeout=60, **more)
    response.raise_for_status()
    return response.json()


def wait(path, words):
    while True:
        answer = call("GET", path)
        if answer["status"] not in words:
            return answer
        time.sleep(0.1)


def mnml():
    accepted = call("POST", "/v1/upscale", files={"image": IMAGE}, data={"scale": 2})
    return wait("/v1/status/" + accepted["id"], ["starting", "processing"])["message"][0]


def ailab():
    data = {"upscale_factor": 2, "mode": "base"}
    path = "/api/image/enhance/image-lossless-enlargement"
    return call("POST", path, headers={"ailabapi-api-key": KEY}, files={"image": IMAGE}, data=data)["data"]["url"]


def maskr():
    path = "/v1/services/image-upscaling?scale_factor=2&output_format=png"
    return call("POST", path, files={"file": ("photo.jpg", IMAGE)})["result"]["output_url"]


def artnex():
    image = "data:image/jpeg;base64," + base64.b64encode(IMAGE).decode()
    return call("POST", "/v1/upscale", json={"image": image, "scale": 2})["image_url"]


def aetherforge():
    accepted = call("POST", "/public/v1/image-tune/upscale", files={"image": IMAGE}, data={"scale": "1K"})
    return wait("/public/v1/job/" + accepted["job_id"], ["Pending"])["image_urls"][0]


def step(name):
    upscale = globals()[os.environ["VENDOR"]]
    if name == "busy":
        path = "/api/v1/jobs/" + call("POST", "/api/v1/jobs", files={"file": IMAGE})["id"]
        try:
            upscale()
        finally:
            call("POST", path + "/cancel")
    else:
        result = requests.get(upscale(), timeout=60).content
        with open(os.environ["OUT"], "wb") as file:
            file.write(result)


try:
    print(json.dumps({"status": 0, "state": step(sys.argv[1])}))
except requests.HTTPError as error:
    print(json.dumps({"status": error.response.status_code}))
