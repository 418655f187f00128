curl -sS --request POST \
	--url "$BASE/v1/upscale" \
	--header "Authorization: Bearer $KEY" \
	--header "Content-Type: application/json" \
	--data '{
    "image": "'"$IMAGE_URL"'",
    "scale": 4
  }'
