// Every call of the vendor's client that has to do with predictions and files.
const assert = require('assert');
const fs = require('fs');
const Replicate = require('replicate');

const replicate = new Replicate({ auth: process.env.KEY, baseUrl: `${process.env.BASE}/v1` });
const pinned = 'nightmareai/real-esrgan:42fed1c4974146d4d2414e2be2c5277c7fcf05fcc3a73abf41610695738c1d7b';
const picture = fs.readFileSync(process.env.FILE);

async function files() {
	const file = await replicate.files.create(new File([picture], 'cat.jpg', { type: 'image/jpeg' }));
	assert.strictEqual(file.size, picture.length);
	assert.strictEqual(file.name, 'cat.jpg');
	assert.deepStrictEqual(await replicate.files.get(file.id), file);
	assert.strictEqual(await replicate.files.delete(file.id), true);
	await refused(replicate.files.get(file.id), 404, /could not be found/);
	await refused(replicate.run(pinned, { input: { image: file.urls.get } }), 422, /does not exist or has expired/);
}

async function models() {
	const model = await replicate.models.get('nightmareai', 'real-esrgan');
	const version = await replicate.models.versions.get('nightmareai', 'real-esrgan', model.latest_version.id);
	assert.deepStrictEqual(version, model.latest_version);
	assert.strictEqual(version.openapi_schema.components.schemas.Output.type, 'string');
	await refused(replicate.models.get('nightmareai', 'nothing'), 404, /could not be found/);
}

async function predictions() {
	const created = await replicate.predictions.create({
		version: pinned.split(':')[1],
		input: { image: picture, scale: 3, face_enhance: false },
	});
	assert.strictEqual(created.status, 'starting');
	const ended = await replicate.wait(created, { interval: 50 });
	assert.strictEqual(ended.status, 'succeeded');
	assert.ok(ended.metrics.predict_time >= 0);
	assert.deepStrictEqual(await replicate.predictions.get(created.id), ended);
	const canceled = await replicate.predictions.cancel(created.id); // too late
	assert.strictEqual(canceled.status, 'succeeded');
	const page = await replicate.predictions.list();
	const listed = page.results.find((one) => one.id === created.id); // with the image's URL in any case
	for await (const results of replicate.paginate(replicate.predictions.list)) {
		assert.ok(results.length > 0);
	}
	return { ended, listed };
}

async function wrong() {
	await refused(replicate.run(pinned, { input: {} }), 422, /image is required/);
	await refused(replicate.run(pinned, { input: { image: picture, scale: 11 } }), 422, /less than or equal to 10/);
	await refused(replicate.run('nightmareai/nothing', { input: { image: picture } }), 404, /could not be found/);
	const stranger = new Replicate({ auth: 'wrong', baseUrl: replicate.baseUrl });
	await refused(stranger.predictions.list(), 401, /authentication token/);
}

// refused checks that a call fails with a status and an RFC 9457 problem.
async function refused(call, status, detail) {
	await assert.rejects(call, (error) => error.response.status === status && detail.test(error.message)
		&& error.response.headers.get('content-type') === 'application/problem+json');
}

async function main() {
	await files();
	await models();
	await wrong();
	const uri = `data:image/jpeg;base64,${picture.toString('base64')}`;
	const stages = [];
	const polled = await replicate.run(pinned, { input: { image: uri, scale: 2 }, wait: { mode: 'poll', interval: 50 } },
		(prediction) => stages.push(prediction.status));
	assert.strictEqual(stages[0], 'starting');
	assert.strictEqual(stages.at(-1), 'succeeded');
	const { ended, listed } = await predictions();
	// An output is a file where its URL is https: or data:, else a text.
	const bytes = typeof polled === 'string' ? null : (await polled.blob()).size;
	console.log(JSON.stringify({ output: ended.output, listed: listed.output, polled: String(polled), bytes }));
}

main().catch((error) => {
	console.error(error);
	process.exit(1);
});
