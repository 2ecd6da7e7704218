// Whole models against an engine nobody here wrote: the same ONNX file and the same inputs through ONNX Runtime and through `tessera run`.
//   TESSERA=build/release/tessera ORACLE=build/oracle DATA=tests/data node --test tests/oracle/oracle.test.mjs
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { cosine, relativeError, top1Agreement } from './metrics.mjs';
import { readNpy, writeNpy } from './npy.mjs';

const tessera = resolve(process.env.TESSERA);
const data = resolve(process.env.DATA);
const ort = createRequire(resolve(process.env.ORACLE, 'package.json'))('onnxruntime-node');
const work = mkdtempSync(join(tmpdir(), 'tessera-oracle-'));
after(() => rmSync(work, { recursive: true }));

/// SplitMix-like generator: inputs are the same on every run.
function randomSource(seed) {
  let state = BigInt(seed);
  return () => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
    return Number(state >> 33n) / 2 ** 31;
  };
}

function noiseImage(shape, seed) {
  const random = randomSource(seed);
  const [n, c, h, w] = shape;
  const pixels = new Float32Array(n * c * h * w);
  for (const [cell, weight] of [[Math.max(1, h >> 3), 0.7], [4, 0.5], [1, 0.5]]) {
    for (let plane = 0; plane < n * c; ++plane) {
      let row = [];
      for (let y = 0; y < h; ++y) {
        if (y % cell === 0) row = Array.from({ length: Math.ceil(w / cell) }, () => weight * (random() + random() + random() - 1.5) * 2);
        for (let x = 0; x < w; ++x) pixels[(plane * h + y) * w + x] += row[Math.floor(x / cell)];
      }
    }
  }
  return { data: pixels, shape };
}

function tokens(batch, seq, vocabulary, seed, padded) {
  const random = randomSource(seed);
  const ids = new BigInt64Array(batch * seq), mask = new BigInt64Array(batch * seq), types = new BigInt64Array(batch * seq);
  for (let b = 0; b < batch; ++b) {
    const length = padded && b % 2 === 1 ? Math.floor(seq * 0.6) : seq;
    for (let s = 0; s < length; ++s) {
      ids[b * seq + s] = BigInt(Math.floor(random() * vocabulary));
      mask[b * seq + s] = 1n;
      types[b * seq + s] = s >= length / 2 ? 1n : 0n;
    }
  }
  const shape = [batch, seq];
  return { input_ids: { data: ids, shape }, attention_mask: { data: mask, shape }, token_type_ids: { data: types, shape } };
}

async function runOracle(path, inputs) {
  // Without VNNI its u8*s8 kernels saturate; this option has it use exact ones.
  const extra = { session: { x64quantprecision: '1' } };
  const session = await ort.InferenceSession.create(path, { intraOpNumThreads: 2, interOpNumThreads: 1, extra });
  const feeds = {};
  for (const [name, { data: values, shape }] of Object.entries(inputs))
    feeds[name] = new ort.Tensor(values instanceof BigInt64Array ? 'int64' : 'float32', values, shape);
  const results = await session.run(feeds);
  await session.release();
  return results;
}

function runTessera(path, inputs, options) {
  const folder = mkdtempSync(join(work, 'run-'));
  const words = ['run', path, '--output-dir', folder, '-q', ...options];
  for (const [name, tensor] of Object.entries(inputs)) {
    writeNpy(join(folder, `in_${name}.npy`), tensor);
    words.push('--input', `${name}=${join(folder, `in_${name}.npy`)}`);
  }
  const [batch, seq] = Object.values(inputs)[0].shape;
  words.push('--batch', String(batch));
  if (inputs.input_ids) words.push('--seq', String(seq));
  execFileSync(tessera, words, { stdio: ['ignore', 'ignore', 'inherit'] });
  return (name) => readNpy(join(folder, `${name}.npy`));
}

/// The bounds of the project: see docs/design.md.
function check(name, precision, ours, theirs, columns) {
  const error = relativeError(ours, theirs), angle = cosine(ours, theirs), top1 = top1Agreement(ours, theirs, columns);
  console.log(`${name} ${precision}: relative error ${error.toExponential(2)}, cosine ${angle.toFixed(7)}, top-1 agreement ${top1}`);
  assert.ok(ours.every(Number.isFinite));
  if (precision === 'fp32') {
    assert.ok(error < 1e-5, `relative error ${error}`);
    assert.equal(top1, 1);
  } else if (precision === 'bf16') {
    assert.ok(angle > 0.999, `cosine ${angle}`);
  } else {
    assert.ok(angle > 0.98, `cosine ${angle}`);
  }
}

async function compareModel(path, inputs, outputs, runs) {
  const expected = await runOracle(path, inputs);
  for (const { precision, options = [] } of runs) {
    const read = runTessera(path, inputs, ['--precision', precision, ...options]);
    for (const output of outputs) {
      const { data: ours, shape } = read(output);
      const theirs = expected[output];
      assert.deepEqual(shape, Array.from(theirs.dims, Number));
      check(`${path.replace(/.*\//, '')} ${output}`, `${precision}`, ours, theirs.data, shape.at(-1));
    }
  }
}

function exported(name) {
  const path = join(work, `${name}.onnx`);
  if (!existsSync(path)) execFileSync(tessera, ['models', 'export', name, '-o', path], { stdio: 'ignore' });
  return path;
}

const everyPrecision = [{ precision: 'fp32' }, { precision: 'bf16' }, { precision: 'int8', options: ['--calibration', 'synthetic'] }];

test('resnet50', async () => {
  await compareModel(exported('resnet50'), { input: noiseImage([2, 3, 224, 224], 1) }, ['logits'], everyPrecision);
});

test('bert-base', async () => {
  await compareModel(exported('bert-base'), tokens(2, 128, 30522, 2, true), ['last_hidden_state', 'pooler_output'], everyPrecision);
});

test('trained image model, exported by PyTorch', async () => {
  const path = join(data, 'image', 'model.onnx');
  const image = { input: noiseImage([4, 3, 64, 64], 3) };
  await compareModel(path, image, ['logits'], [...everyPrecision, { precision: 'fp32', options: ['--opt-level', '0'] },
    { precision: 'fp32', options: ['--isa', 'avx2', '--threads', '1'] }]);
});

function testLines() {
  const lines = readFileSync(join(data, 'text', 'test_ids.txt'), 'utf8').trim().split('\n').slice(0, 8)
    .map((line) => line.trim().split(/[\s,]+/).map(Number));
  const seq = Math.max(...lines.map((ids) => ids.length));
  const shape = [lines.length, seq];
  const ids = new BigInt64Array(lines.length * seq), mask = new BigInt64Array(lines.length * seq);
  lines.forEach((line, b) => line.forEach((id, s) => {
    ids[b * seq + s] = BigInt(id);
    mask[b * seq + s] = 1n;
  }));
  return { input_ids: { data: ids, shape }, attention_mask: { data: mask, shape },
    token_type_ids: { data: new BigInt64Array(lines.length * seq), shape } };
}

test('trained text model, exported by PyTorch', async () => {
  await compareModel(join(data, 'text', 'model.onnx'), testLines(), ['logits'],
    [...everyPrecision, { precision: 'int8-dynamic' }, { precision: 'fp32', options: ['--opt-level', '0'] }]);
});

const everyWay = [[], ['--opt-level', '0'], ['--isa', 'avx2', '--threads', '1']], fusedWays = [everyWay[0], everyWay[2]];

/// Both engines read one quantized file alike, whichever way Tessera runs it.
async function expectSameLogits(name, path, inputs, classes, ways = everyWay, least = 0.9999) {
  const expected = (await runOracle(path, inputs)).logits.data;
  for (const options of ways) {
    const { data: ours } = runTessera(path, inputs, options)('logits');
    const angle = cosine(ours, expected), top1 = top1Agreement(ours, expected, classes);
    console.log(`${name} ${options.join(' ')}: cosine ${angle.toFixed(7)}, top-1 agreement ${top1}`);
    assert.ok(angle > least, `cosine ${angle}`);
    assert.ok(top1 > 0.99, `top-1 agreement ${top1}`);
  }
}

// Files of ONNX Runtime's quantizer: the same integers, so nearly the same numbers.
for (const name of ['image_qoperator', 'image_qdq_s8']) {
  test(`${name}, quantized by ONNX Runtime`, async () => {
    const path = join(data, 'quantized', `${name}.onnx`);
    const inputs = { input: noiseImage([128, 3, 64, 64], 4) };
    await expectSameLogits(name, path, inputs, 10);
    const steps = JSON.parse(execFileSync(tessera, ['explain', path, '--json'], { encoding: 'utf8' })).steps;
    const products = steps.filter((step) => step.gflop > 0);
    assert.equal(products.length, 54);
    for (const step of products) assert.match(step.precision, /^u8\*s8/, step.node);
  });
}

// Files of our own: another engine reads the same layers in int8 and, where the gate sent some back, in bf16.
for (const [name, words] of [['int8', []], ['int8 and bf16', ['--metric', 'cosine', '--max-drop', '0.01', '--fallback', 'bf16']]]) {
  test(`trained image model, quantized here: ${name}`, async () => {
    const path = join(work, `${name.replaceAll(' ', '_')}.onnx`);
    const report = JSON.parse(execFileSync(tessera, ['quantize', join(data, 'image', 'model.onnx'), '--calibration',
      join(data, 'image', 'calib'), '--items', '40', '--keep-slower', '--json', '-q', '-o', path, ...words], { encoding: 'utf8' }));
    assert.equal(report.bf16_mac_share > 0, words.length > 0);
    const inputs = { input: noiseImage([128, 3, 64, 64], 5) };
    await expectSameLogits(name, path, inputs, 10);
    const steps = JSON.parse(execFileSync(tessera, ['explain', path, '--json'], { encoding: 'utf8' })).steps;
    for (const layer of report.layers) {
      const { precision } = steps.find((step) => step.node === layer.name);
      assert.match(precision, { int8: /^u8\*s8/, bf16: /^bf16\*bf16/, fp32: /^f32\*f32/ }[layer.precision], layer.name);
    }
  });
}

// Untrained weights magnify every rounding that differs from layer to layer: only the same bytes all the way give the
// same logits. Node by node nothing is fused, and roundings differ from those of fused sums in ONNX Runtime as well.
test('resnet50 of random weights, quantized here', async () => {
  const path = join(work, 'resnet50_int8.onnx'), calibration = join(work, 'calibration.npy');
  writeNpy(calibration, noiseImage([4, 3, 224, 224], 7));
  execFileSync(tessera, ['quantize', exported('resnet50'), '--calibration', calibration, '--keep-slower', '--no-sensitivity', '--round-sums', '-q', '-o', path],
    { stdio: 'ignore' });
  await expectSameLogits('resnet50 in int8', path, { input: noiseImage([4, 3, 224, 224], 8) }, 1000, fusedWays, 0.999999);
});

test('trained text model, quantized here: attention too', async () => {
  const path = join(work, 'text_attention.onnx');
  const report = JSON.parse(execFileSync(tessera, ['quantize', join(data, 'text', 'model.onnx'), '--calibration',
    join(data, 'text', 'calib.tsv'), '--items', '64', '--attention', 'full', '--keep-slower', '--no-sensitivity', '--json', '-q',
    '-o', path], { encoding: 'utf8' }));
  assert.equal(report.layers.filter((layer) => layer.op === 'FusedAttention' && layer.precision === 'int8').length, 4);
  const inputs = testLines();
  await expectSameLogits('attention in int8', path, inputs, 4);
});

test('trained text model, quantized here: the residual stream too', async () => {
  const path = join(work, 'text_residual.onnx');
  execFileSync(tessera, ['quantize', join(data, 'text', 'model.onnx'), '--calibration', join(data, 'text', 'calib.tsv'), '--items', '64',
    '--int8-residual', '--keep-slower', '--no-sensitivity', '-q', '-o', path], { stdio: 'ignore' });
  await expectSameLogits('residual stream in int8', path, testLines(), 4);
});

// Convolutions that quantize their whole input when they run, by weights with zero points. Items run together: what one
// holds changes the scales of all, here as there.
test('image_dynamic, quantized by ONNX Runtime', async () => {
  const path = join(data, 'quantized', 'image_dynamic.onnx');
  await expectSameLogits('image_dynamic', path, { input: noiseImage([128, 3, 64, 64], 6) }, 10);
  const steps = JSON.parse(execFileSync(tessera, ['explain', path, '--json'], { encoding: 'utf8' })).steps;
  const products = steps.filter((step) => step.gflop > 0);
  assert.equal(products.length, 54);
  for (const step of products) assert.match(step.precision, /^u8\*s8/, step.node);
});

// One scale for each tensor, as the file says and ONNX Runtime does; with int8-dynamic one for each row, which is nearer
// to float: see docs/decisions/0017.
test('text_dynamic, quantized by ONNX Runtime', async () => {
  const path = join(data, 'quantized', 'text_dynamic.onnx');
  const inputs = testLines();
  const expected = (await runOracle(path, inputs)).logits.data;
  const real = (await runOracle(join(data, 'text', 'model.onnx'), inputs)).logits.data;
  const { data: ours } = runTessera(path, inputs, [])('logits');
  console.log(`text_dynamic: cosine to ONNX Runtime ${cosine(ours, expected)}, to float ${cosine(ours, real)} (ONNX Runtime ${cosine(expected, real)})`);
  assert.ok(cosine(ours, expected) > 0.999);
  assert.equal(top1Agreement(ours, expected, 4), 1);
  const { data: byRows } = runTessera(path, inputs, ['--precision', 'int8-dynamic'])('logits');
  assert.ok(cosine(byRows, real) > 0.999);
});
