# What a client of Stability's API, or of POST /v1/images/upscale, lives through: one
# step a run. The calls are synchronous, so hanging up is what cancels them.
import base64
import json
import os
import sys
import threading
import time

import requests

BASE, KEY, FILE = os.environ["BASE"], os.environ["KEY"], os.environ["FILE"]


def fast(timeout):
    response = requests.post(
        f"{BASE}/v2beta/stable-image/upscale/fast",
        headers={"authorization": f"Bearer {KEY}", "accept": "image/*"},
        files={"image": open(FILE, "rb")},
        data={"output_format": "png"},
        timeout=timeout,
    )
    response.raise_for_status()
    assert response.headers["finish-reason"] == "SUCCESS" and response.headers["seed"] == "0", response.headers
    return response.content


def esrgan(timeout):
    response = requests.post(
        f"{BASE}/v1/generation/esrgan-v1-x2plus/image-to-image/upscale",
        headers={"Accept": "application/json", "Authorization": f"Bearer {KEY}"},
        files={"image": open(FILE, "rb")},
        timeout=timeout,
    )
    response.raise_for_status()
    return base64.b64decode(response.json()["artifacts"][0]["base64"])


def images_form(timeout):
    response = requests.post(
        f"{BASE}/v1/images/upscale",
        headers={"Authorization": f"Bearer {KEY}"},
        files={"image": open(FILE, "rb")},
        data={"scale": "2x"},
        timeout=timeout,
    )
    response.raise_for_status()
    return response.content


def images_json(timeout):
    with open(FILE, "rb") as file:
        encoded = base64.b64encode(file.read()).decode()
    response = requests.post(
        f"{BASE}/v1/images/upscale",
        headers={"Authorization": f"Bearer {KEY}"},
        json={"image": encoded, "scale": 2, "response_format": "b64_json"},
        timeout=timeout,
    )
    response.raise_for_status()
    return base64.b64decode(response.json()["data"][0]["b64_json"])


call = globals()[os.environ["CALL"]]


def credits():
    return requests.get(f"{BASE}/v1/user/balance", headers={"Authorization": f"Bearer {KEY}"}, timeout=60).json()["credits"]


def until(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    sys.exit("it does not come about")


def hang_up_after(action):
    """Runs an action while a call waits for its image, and hangs up then."""
    before, session = credits(), []

    def wait():
        while not session:
            try:
                call(3)
            except requests.exceptions.ReadTimeout:
                session.append("hung up")
            except requests.HTTPError as error:  # the job of the client before is just leaving
                if error.response.status_code != 503:
                    raise

    waiting = threading.Thread(target=wait)
    waiting.start()
    try:
        until(lambda: credits() < before)
        action()
    finally:
        waiting.join()
        assert session == ["hung up"], session
        until(lambda: credits() == before)  # canceled and refunded


def success():
    with open(os.environ["OUT"], "wb") as file:
        file.write(call(60))


def refused():
    call(60)


def busy():
    hang_up_after(lambda: call(60))


def cancel():
    hang_up_after(lambda: None)
    return "canceled"


try:
    print(json.dumps({"status": 0, "state": globals()[sys.argv[1]]()}))
except requests.HTTPError as error:
    print(json.dumps({"status": error.response.status_code}))
