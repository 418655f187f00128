curl -sS -X POST "$BASE/v1/services/image-upscaling?scale_factor=4&output_format=jpeg&quality=90" \
	-H "Authorization: Bearer $KEY" \
	-F "file=@$FILE"
