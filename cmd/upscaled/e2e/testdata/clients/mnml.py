import json
import os

import requests

files = {"image": open(os.environ["FILE"], "rb")}
data = {"scale": "4", "face_enhance": "true"}
headers = {"Accept": "application/json", "Authorization": "Bearer " + os.environ["KEY"]}
response = requests.post(os.environ["BASE"] + "/v1/upscale", headers=headers, files=files, data=data)
print(json.dumps(response.json()))
