curl -sS -X POST "$BASE/v1/upscale" \
	-H "Accept: application/json" \
	-H "Authorization: Bearer $KEY" \
	-H "Content-Type: multipart/form-data" \
	-F "image=@$FILE"
