const fs = require('fs');
const Replicate = require('replicate');

const replicate = new Replicate({ auth: process.env.KEY, baseUrl: `${process.env.BASE}/v1` });

async function main() {
	// The client uploads the picture, waits for the prediction and gives its output.
	const output = await replicate.run('nightmareai/real-esrgan', {
		input: { image: fs.readFileSync(process.env.FILE), scale: 2 },
	});
	console.log(JSON.stringify({ output: String(output) }));
}

main().catch((error) => {
	console.error(error);
	process.exit(1);
});
