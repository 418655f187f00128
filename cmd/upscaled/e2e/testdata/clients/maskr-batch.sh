curl -sS -X POST "$BASE/v1/services/image-upscaling/batch?scale_factor=2&output_format=jpeg" \
	-H "Authorization: Bearer $KEY" \
	-F "files=@$FILE" \
	-F "files=@$FILE" \
	-F "files=@$FILE"
