// What a client of Replicate lives through, by the official package: one step a run.
const fs = require('fs/promises');
const Replicate = require(process.env.MODULE);

const model = 'nightmareai/real-esrgan:f121d640bd286e1fdc67f9799164c1d5be36ff74576ee11c803ae5b665dd46aa';
const replicate = new Replicate({ auth: process.env.KEY, baseUrl: `${process.env.BASE}/v1` });

const create = async () => replicate.predictions.create({
	version: model.split(':')[1], input: { image: await fs.readFile(process.env.FILE), scale: 2 },
});

const steps = {
	// The quick start, which writes the output as it is.
	async success() {
		const output = await replicate.run(model, { input: { image: await fs.readFile(process.env.FILE), scale: 2 } });
		if (typeof output === 'string') { // version 0
			return fs.writeFile(process.env.OUT, Buffer.from(await (await fetch(output)).arrayBuffer()));
		}
		console.error(String(output.url()).slice(0, 40));
		await fs.writeFile(process.env.OUT, output);
	},
	async refused() {
		await replicate.run(model, { input: { image: await fs.readFile(process.env.FILE), scale: 2 } });
	},
	async busy() {
		const first = await create();
		try {
			await create();
		} finally {
			await replicate.predictions.cancel(first.id);
		}
	},
	async cancel() {
		const { id } = await create();
		await replicate.predictions.cancel(id);
		return (await replicate.predictions.get(id)).status;
	},
};

steps[process.argv[2]]().then(
	(state) => console.log(JSON.stringify({ status: 0, state })),
	(error) => {
		if (!error.response) throw error;
		console.log(JSON.stringify({ status: error.response.status }));
	},
);
