const fs = require('fs');
const axios = require('axios');

async function main() {
	const image = `data:image/jpeg;base64,${fs.readFileSync(process.env.FILE).toString('base64')}`;
	const response = await axios.post(`${process.env.BASE}/v1/upscale`, { image, scale: 2 }, {
		headers: { Authorization: `Bearer ${process.env.KEY}` },
	});
	console.log(JSON.stringify(response.data));
}

main().catch((error) => {
	console.error(error);
	process.exit(1);
});
