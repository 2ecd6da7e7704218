// One peer of benchmarks/peers/run.py: ONNX Runtime from npm. Speaks its protocol: one JSON line once the model is loaded, then for
// every line {"samples": n, "warmup": w} on standard input one line with n times in milliseconds.
//   ORACLE=DIR node onnxruntime.mjs '{"model": "FILE.onnx", "threads": 2, "batch": 1, "seq": 128}'
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const { model, threads, batch, seq } = JSON.parse(process.argv[2]);
const load = createRequire(`${process.env.ORACLE}/package.json`);
const ort = load('onnxruntime-node');

/// Values do not matter for dense arithmetic; shapes and types do.
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

const began = process.hrtime.bigint();
const session = await ort.InferenceSession.create(model, { intraOpNumThreads: threads, interOpNumThreads: 1 });
const milliseconds = (since) => Number(process.hrtime.bigint() - since) / 1e6;
const feeds = inputs(session);
console.log(JSON.stringify({ name: `ONNX Runtime ${load('onnxruntime-node/package.json').version}`, load_ms: milliseconds(began) }));
for await (const line of createInterface({ input: process.stdin })) {
  const { samples, warmup } = JSON.parse(line);
  const times = [];
  for (let i = 0; i < warmup + samples; ++i) {
    const start = process.hrtime.bigint();
    await session.run(feeds);
    if (i >= warmup) times.push(milliseconds(start));
  }
  console.log(JSON.stringify(times));
}
