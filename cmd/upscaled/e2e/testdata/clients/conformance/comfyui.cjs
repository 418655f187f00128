// What a client of ComfyUI lives through, by its SDK: one step a run.
const assert = require('assert');
const fs = require('fs');
const { ComfyApi, CallWrapper, PromptBuilder } = require('@saintno/comfyui-sdk');

const graph = (image) => ({
	1: { class_type: 'LoadImage', inputs: { image } },
	2: { class_type: 'UpscaleModelLoader', inputs: { model_name: 'RealESRGAN_x4plus.pth' } },
	3: { class_type: 'ImageUpscaleWithModel', inputs: { upscale_model: ['2', 0], image: ['1', 0] } },
	4: { class_type: 'SaveImage', inputs: { images: ['3', 0], filename_prefix: 'client' } },
});
const api = new ComfyApi(process.env.BASE, undefined, { credentials: { type: 'bearer_token', token: process.env.KEY } });
const events = [];
api.on('all', ({ detail }) => events.push(detail.type));

const upload = async () => (await api.uploadImage(fs.readFileSync(process.env.FILE), 'photo.jpg', { override: true })).info?.filename;

// Runs the graph on a WebSocket. The first failure counts: one of submission is told of twice.
async function run(image) {
	const builder = new PromptBuilder(graph(''), ['image'], ['images']).setInputNode('image', '1.inputs.image').setOutputNode('images', '4').input('image', image);
	let failed;
	const output = await new CallWrapper(api, builder).onFailed((error) => { failed ??= error; }).run();
	return { output, failed };
}

const connected = () => api.init().waitForReady();
const started = () => new Promise((done) => api.on('executing', done, { once: true }));

const steps = {
	async success() {
		await connected();
		const { output, failed } = await run(await upload());
		assert.ifError(failed);
		fs.writeFileSync(process.env.OUT, Buffer.from(await (await api.getImage(output.images.images[0])).arrayBuffer()));
		for (const type of ['status', 'execution_start', 'execution_cached', 'executing', 'progress', 'executed', 'execution_success']) {
			assert(events.includes(type), `${type} of ${events}`);
		}
		assert.equal(Object.values(await api.getHistories())[0].status.status_str, 'success');
		assert.deepEqual(await api.getQueue(), { queue_running: [], queue_pending: [] });
		const nodes = await api.getNodeDefs('UpscaleModelLoader');
		assert(nodes.UpscaleModelLoader.input.required.model_name[0].includes('RealESRGAN_x4plus.pth'));
		assert.deepEqual([await api.getCheckpoints(), await api.getLoras()], [[], []]);
	},
	async refused() {
		await api.queuePrompt(null, graph(await upload().catch(() => 'none')));
	},
	async busy() {
		await connected();
		const image = await upload(), begun = started(), first = run(image);
		await begun;
		const { failed } = await run(image);
		assert.equal(failed.cause.error.type, 'busy');
		await api.interrupt();
		await first;
		throw { status: 503 };
	},
	async cancel() {
		await connected();
		const begun = started(), first = run(await upload());
		await begun;
		await api.getQueue(); // the SDK has seen by now that it is not over
		await api.interrupt();
		const { failed } = await first;
		assert.equal(failed.message, 'The execution was interrupted!');
		return Object.values(await api.getHistories())[0].status.messages[2][0].replace('execution_interrupted', 'canceled');
	},
};

steps[process.argv[2]]().then(
	(state) => console.log(JSON.stringify({ status: 0, state })),
	(error) => {
		if (!error?.status) throw error;
		console.log(JSON.stringify({ status: error.status }));
	},
).finally(() => process.exit());
