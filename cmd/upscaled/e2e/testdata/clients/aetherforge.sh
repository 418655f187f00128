curl -sS -X POST "$BASE/public/v1/image-tune/upscale" \
	-H "Authorization: Bearer $KEY" \
	-F "image=@$FILE" \
	-F "scale=2K"
