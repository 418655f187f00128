import json
import os

import requests

response = requests.post(
    os.environ["BASE"] + "/api/image/enhance/image-lossless-enlargement",
    headers={"ailabapi-api-key": os.environ["KEY"]},
    files={"image": ("file", open(os.environ["FILE"], "rb"))},
    data={"upscale_factor": "2", "mode": "enhancement"},
)
print(json.dumps(response.json()))
