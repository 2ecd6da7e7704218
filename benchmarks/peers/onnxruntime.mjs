// Tessera against ONNX Runtime on the same ONNX file, same threads, in turns: a round is a run of inferences of one, then of the other,
// so that a change of clock or a busy neighbour falls on both. Prints the medians of every round and the ratio.
//   scripts/lib/install_oracle build/oracle      (ORACLE=DIR in the environment names another installation)
//   node benchmarks/peers/onnxruntime.mjs MODEL.onnx [--threads 2] [--rounds 7] [--samples 30] [--batch 1] [--seq 128] [--case fp32]
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';

const { positionals: [model], values: words } = parseArgs({
  allowPositionals: true,
  options: Object.fromEntries(Object.entries({ threads: '2', rounds: '7', samples: '30', batch: '1', seq: '128', case: 'fp32' })
    .map(([name, value]) => [name, { type: 'string', default: value }])),
});
const root = new URL('../..', import.meta.url).pathname;
const ort = createRequire(`${process.env.ORACLE ?? `${root}build/oracle`}/package.json`)('onnxruntime-node');
const [threads, rounds, samples, batch, seq] = [words.threads, words.rounds, words.samples, words.batch, words.seq].map(Number);

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

/// Inputs like those of `tessera compare` in shape and type; values do not matter for dense arithmetic.
function inputs(session) {
  const feeds = {};
  for (const info of session.inputMetadata) {
    if (info.type === 'int64') {
      const fill = info.name.includes('type') ? 0n : 1n;
      feeds[info.name] = new ort.Tensor('int64', new BigInt64Array(batch * seq).fill(fill), [batch, seq]);
    } else {
      const shape = info.shape.map((extent, axis) => (axis === 0 ? batch : Number(extent)));
      const size = shape.reduce((a, b) => a * b);
      feeds[info.name] = new ort.Tensor('float32', Float32Array.from({ length: size }, (_, i) => Math.sin(i * 0.37)), shape);
    }
  }
  return feeds;
}

async function timeOrt(session, feeds) {
  const times = [];
  for (let i = 0; i < samples + 3; ++i) {
    const start = process.hrtime.bigint();
    await session.run(feeds);
    if (i >= 3) times.push(Number(process.hrtime.bigint() - start) / 1e6);
  }
  return median(times);
}

function timeTessera() {
  const output = execFileSync(`${root}build/release/tessera`, ['compare', '--model', model, '--case', words.case, '--threads', words.threads,
    '--batch', words.batch, ...(model.includes('bert') ? ['--seq', words.seq] : []), '--samples', words.samples, '--warmup', '5',
    '--accuracy-inputs', '1', '--json', '-q'], { encoding: 'utf8', maxBuffer: 1 << 26 });
  return JSON.parse(output).models[0].cases.find((row) => row.status === 'ok');
}

const session = await ort.InferenceSession.create(model, { intraOpNumThreads: threads, interOpNumThreads: 1 });
const feeds = inputs(session);
await timeOrt(session, feeds);
const theirs = [], ours = [];
let row;
for (let round = 0; round < rounds; ++round) {
  theirs.push(await timeOrt(session, feeds));
  row = timeTessera();
  ours.push(row.latency_ms.p50);
}
const ratios = ours.map((time, i) => theirs[i] / time).sort((a, b) => a - b);
console.log(`${model.replace(/.*\//, '')} batch ${batch}, ${threads} threads: ONNX Runtime ${median(theirs).toFixed(2)} ms, ` +
  `Tessera ${row.case} on ${row.isa} ${median(ours).toFixed(2)} ms, Tessera is ${median(ratios).toFixed(3)} times as fast ` +
  `(${ratios[0].toFixed(3)} to ${ratios.at(-1).toFixed(3)} over ${rounds} rounds)`);
