// How far apart two outputs are.

/// ||a - b|| / ||b||
export function relativeError(a, b) {
  let difference = 0, norm = 0;
  for (let i = 0; i < b.length; ++i) {
    difference += (a[i] - b[i]) ** 2;
    norm += b[i] ** 2;
  }
  return Math.sqrt(difference / norm);
}

export function cosine(a, b) {
  let dot = 0, aa = 0, bb = 0;
  for (let i = 0; i < b.length; ++i) {
    dot += a[i] * b[i];
    aa += a[i] ** 2;
    bb += b[i] ** 2;
  }
  return dot / Math.sqrt(aa * bb);
}

/// Share of rows (last axis) whose largest element is at the same place.
export function top1Agreement(a, b, columns) {
  let same = 0;
  const rows = b.length / columns;
  const argmax = (x, row) => {
    let best = 0;
    for (let i = 1; i < columns; ++i) if (x[row * columns + i] > x[row * columns + best]) best = i;
    return best;
  };
  for (let row = 0; row < rows; ++row) if (argmax(a, row) === argmax(b, row)) ++same;
  return same / rows;
}
