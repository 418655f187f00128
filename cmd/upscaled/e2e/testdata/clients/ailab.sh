curl -sS --request POST \
	--url "$BASE/api/image/enhance/image-lossless-enlargement" \
	--header 'Content-Type: multipart/form-data' \
	--header "ailabapi-api-key: $KEY" \
	--form "image=@$FILE" \
	--form upscale_factor=2 \
	--form mode=base \
	--form output_format=jpg \
	--form output_quality=90
