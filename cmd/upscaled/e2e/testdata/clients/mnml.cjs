const FormData = require('form-data');
const fs = require('fs');
const axios = require('axios');

async function main() {
	const form = new FormData();
	form.append('image', fs.createReadStream(process.env.FILE));
	form.append('scale', '4');
	form.append('face_enhance', 'true');
	const response = await axios.post(`${process.env.BASE}/v1/upscale`, form, {
		headers: {
			Accept: 'application/json',
			Authorization: `Bearer ${process.env.KEY}`,
			...form.getHeaders(),
		},
	});
	console.log(JSON.stringify(response.data));
}

main().catch((error) => {
	console.error(error);
	process.exit(1);
});
