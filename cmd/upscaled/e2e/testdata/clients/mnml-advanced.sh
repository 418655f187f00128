curl -sS -X POST "$BASE/v1/upscale" \
	-H "Accept: application/json" \
	-H "Authorization: Bearer $KEY" \
	-H "Content-Type: multipart/form-data" \
	-F "image=@$FILE" \
	-F "scale=4" \
	-F "face_enhance=true"
