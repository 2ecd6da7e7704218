// .npy files: the little that the oracle tests need.
import { readFileSync, writeFileSync } from 'node:fs';

const arrays = { '<f4': Float32Array, '<i8': BigInt64Array, '|u1': Uint8Array, '|i1': Int8Array, '<i4': Int32Array };

export function writeNpy(path, { data, shape }) {
  const descr = Object.keys(arrays).find((key) => data instanceof arrays[key]);
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  let header = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  header += ' '.repeat((64 - ((10 + header.length + 1) % 64)) % 64) + '\n';
  const start = Buffer.alloc(10);
  start.write('\x93NUMPY\x01\x00', 'latin1');
  start.writeUInt16LE(header.length, 8);
  writeFileSync(path, Buffer.concat([start, Buffer.from(header, 'latin1'), Buffer.from(data.buffer, data.byteOffset, data.byteLength)]));
}

export function readNpy(path) {
  const file = readFileSync(path);
  if (file.toString('latin1', 0, 6) !== '\x93NUMPY') throw new Error(`${path} is not an .npy file`);
  const long = file[6] > 1;
  const length = long ? file.readUInt32LE(8) : file.readUInt16LE(8);
  const start = (long ? 12 : 10) + length;
  const header = file.toString('latin1', long ? 12 : 10, start);
  const descr = /'descr': '([^']+)'/.exec(header)[1];
  const shape = /'shape': \(([^)]*)\)/.exec(header)[1].split(',').filter((s) => s.trim()).map(Number);
  const bytes = file.subarray(start);
  const copy = new ArrayBuffer(bytes.length);
  new Uint8Array(copy).set(bytes);
  return { data: new arrays[descr](copy), shape };
}
