// What a client of AUTOMATIC1111 lives through, by its npm package: one step a run.
const assert = require('assert');
const fs = require('fs');
const Module = require('module');

// The client converts images with sharp, a native library. This stands in for it
// and keeps a file as it is.
const load = Module._load;
Module._load = (name, ...rest) => name === 'sharp'
	? (file) => ({ png: () => ({ toBuffer: async () => file }), toBuffer: async () => file })
	: load(name, ...rest);
const { StableDiffusionApi } = require('stable-diffusion-api');

const client = new StableDiffusionApi({ baseUrl: process.env.BASE }).setAuth('anybody', process.env.KEY);
const image = { png: () => ({ toBuffer: async () => fs.readFileSync(process.env.FILE) }) };
const ask = () => client.extraSingle({ image, upscaler_1: 'SwinIR_4x', upscaling_resize: 2 });

// The result describes itself in a text chunk, which the command line's has not.
function withoutText(png) {
	const parts = [png.subarray(0, 8)];
	for (let at = 8, end; at < png.length; at = end) {
		end = at + 12 + png.readUInt32BE(at);
		if (!png.toString('latin1', at + 4, end).startsWith('tEXtpostprocessing')) parts.push(png.subarray(at, end));
	}
	assert.equal(parts.at(-1).toString('latin1', 4, 8), 'IEND');
	return Buffer.concat(parts);
}

// Runs something while an image is being made, and interrupts that.
async function beside(something) {
	const first = ask().catch((error) => error.response.data.detail);
	while ((await client.api.get('/sdapi/v1/progress')).data.state.job_no === 0);
	try {
		await something();
	} finally {
		await client.api.post('/sdapi/v1/interrupt');
	}
	return first;
}

const steps = {
	async success() {
		for (const method of ['getSamplers', 'getSdModels', 'getHypernetworks', 'getPromptStyles']) {
			assert.deepEqual(await client[method](), []);
		}
		assert('sd_model_checkpoint' in await client.getOptions() && await client.getCmdFlags());
		await client.setOptions({ sd_model_checkpoint: 'any' });
		assert.deepEqual((await client.getFaceRestorers()).map((one) => one.name), ['CodeFormer', 'GFPGAN']);
		assert((await client.getUpscalers()).length > 8 && (await client.getRealesrganModels()).length > 5);
		const done = await ask();
		assert(done.info.includes('SwinIR_4x (default model)'), done.info);
		fs.writeFileSync(process.env.OUT, withoutText(await done.image.toBuffer()));
	},
	refused: ask,
	busy: () => beside(ask),
	async cancel() {
		assert.equal(await beside(() => {}), 'The image was canceled.');
		return 'canceled';
	},
};

steps[process.argv[2]]().then(
	(state) => console.log(JSON.stringify({ status: 0, state })),
	(error) => {
		if (!error.response) throw error;
		console.log(JSON.stringify({ status: error.response.status }));
	},
);
