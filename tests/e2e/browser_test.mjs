// The pages that Tessera writes, as a browser shows them: reports of one point and of a sweep, and the page of `explain`.
//   TESSERA=build/release/tessera BROWSER=build/browser DATA=tests/data node --test tests/e2e/browser_test.mjs
// CHROMIUM: another browser than /usr/bin/chromium. SCREENSHOTS: a folder to leave a picture of every page in.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';

const tessera = resolve(process.env.TESSERA);
const data = resolve(process.env.DATA);
const image = join(data, 'image', 'model.onnx'), text = join(data, 'text', 'model.onnx');
const { chromium } = createRequire(resolve(process.env.BROWSER, 'package.json'))('playwright-core');
const work = mkdtempSync(join(tmpdir(), 'tessera-browser-'));
const screens = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };

const brief = ['--samples', '5', '--warmup', '1', '-q', '--calibration', 'synthetic'];
const run = (...words) => execFileSync(tessera, words, { encoding: 'utf8', timeout: 300_000 });
const pages = {
  report: join(work, 'report', 'report.html'),
  sweep: join(work, 'sweep', 'report.html'),
  explain: join(work, 'explain.html'),
};
let browser;

before(async () => {
  run('compare', '--model', image, '--model', text, '--seq', '32', '--profile', '2', ...brief, '--report', join(work, 'report'));
  run('compare', '--model', text, '--batch', '1,2,4', '--seq', '16,32', ...brief, '--report', join(work, 'sweep'));
  run('explain', image, '--precision', 'int8', '--calibration', 'synthetic', '--html', pages.explain);
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],  // containers have no user namespaces
  });
});
after(async () => {
  await browser?.close();
  rmSync(work, { recursive: true });
});

/// Opens a page, lets `look` look at it, and requires that it said and asked for nothing.
async function visit(name, options, look) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const said = [];
  page.on('console', message => said.push(message.text()));
  page.on('pageerror', error => said.push(String(error)));
  page.on('request', request => request.url().startsWith('file:') || said.push(`asked for ${request.url()}`));
  try {
    await page.goto(pathToFileURL(pages[name]).href);
    await look(page);
  } finally {
    await context.close();
  }
  assert.deepEqual(said, []);
}

/// What goes beyond the window, as "TD.words 402".
function overflowing() {
  return [...document.querySelectorAll('body *')]
    .filter(part => part.getClientRects().length > 0 && part.getBoundingClientRect().right > innerWidth + 1)
    .map(part => `${part.tagName}.${part.getAttribute('class')} ${Math.round(part.getBoundingClientRect().right)}`);
}

/// Charts whose drawing is empty, or whose words leave it.
function badCharts() {
  const bad = [];
  for (const chart of document.querySelectorAll('svg')) {
    const frame = chart.getBoundingClientRect(), title = chart.getAttribute('aria-label');
    if (frame.width === 0) continue;  // folded up
    if (frame.width < 250 || frame.height < 80) bad.push(`${title}: ${frame.width} x ${frame.height}`);
    const marks = [...chart.querySelectorAll('rect:not(.tc-back),circle,polyline')];
    if (!marks.some(mark => mark.getBoundingClientRect().width > 1)) bad.push(`${title}: nothing is drawn`);
    for (const words of chart.querySelectorAll('text')) {
      const box = words.getBoundingClientRect();
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.bottom > frame.bottom + 1)
        bad.push(`${title}: '${words.textContent}' leaves the chart`);
    }
  }
  return bad;
}

const luminance = page => page.evaluate(() => {
  const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number);
  return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
});

for (const name of Object.keys(pages))
  for (const [screen, viewport] of Object.entries(screens))
    for (const colorScheme of ['light', 'dark'])
      test(`${name} on a ${screen}, ${colorScheme}`, async () => {
        await visit(name, { viewport, colorScheme }, async page => {
          await page.evaluate(() => { for (const part of document.querySelectorAll('details')) part.open = true; });
          assert.ok(await page.locator('svg').count() > 0);
          assert.deepEqual(await page.evaluate(badCharts), []);
          assert.deepEqual(await page.evaluate(overflowing), []);
          assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
          const light = await luminance(page);
          assert.ok(colorScheme === 'dark' ? light < 0.2 : light > 0.8, `luminance ${light}`);
          if (process.env.SCREENSHOTS) {
            mkdirSync(process.env.SCREENSHOTS, { recursive: true });
            await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}-${screen}-${colorScheme}.png`), fullPage: true });
          }
        });
      });

test('key figures stand on one line and tables need no scrolling at 1280 pixels', async () => {
  for (const name of Object.keys(pages))
    await visit(name, { viewport: screens.desktop }, async page => {
      for (const tiles of await page.locator('.tiles').all()) {
        const tops = await tiles.locator('.tile').evaluateAll(all => all.map(tile => tile.getBoundingClientRect().top));
        assert.equal(new Set(tops).size, 1, `${name}: ${tops}`);
      }
      const hidden = await page.locator('.wide').evaluateAll(all => all.map(box => box.scrollWidth - box.clientWidth));
      assert.ok(Math.max(...hidden) <= 0, `${name}: ${hidden}`);
    });
});

test('on a phone every figure has its name', async () => {
  await visit('report', { viewport: screens.phone }, async page => {
    const cell = page.locator('td[data-label="median ms"]').first();
    assert.equal(await cell.evaluate(node => getComputedStyle(node, '::before').content), '"median ms"');
    assert.equal(await page.locator('thead').first().isVisible(), false);
  });
});

test('a click on a title sorts, another one turns it round, rows without figures stay last', async () => {
  await visit('report', { viewport: screens.desktop }, async page => {
    const table = page.locator('table.sortable').first();
    const head = table.locator('th', { hasText: 'median ms' });
    const keys = () => table.locator('tbody tr').evaluateAll(rows => rows.map(row => {
      const cell = row.querySelector('td[data-label="median ms"]');
      return cell === null ? null : Number(cell.dataset.key);
    }));
    const check = (found, compare) => {
      const figures = found.filter(key => key !== null);
      assert.ok(figures.length >= 3);
      assert.deepEqual(figures, [...figures].sort(compare));
      assert.deepEqual(found.slice(0, figures.length), figures);
    };
    await head.locator('button').click();
    assert.equal(await head.getAttribute('aria-sort'), 'descending');
    check(await keys(), (a, b) => b - a);
    await head.locator('button').press('Enter');
    assert.equal(await head.getAttribute('aria-sort'), 'ascending');
    check(await keys(), (a, b) => a - b);
    await table.locator('th', { hasText: 'case' }).locator('button').click();
    const names = await table.locator('tbody tr:not(.off) code').allTextContents();
    assert.deepEqual(names, [...names].sort((a, b) => a.localeCompare(b)));
    assert.equal(await head.getAttribute('aria-sort'), null);
  });
});

test('on paper nothing is cut off and nothing stays folded up', async () => {
  for (const name of Object.keys(pages))
    await visit(name, { viewport: { width: 718, height: 1000 } }, async page => {  // A4 between its margins
      await page.emulateMedia({ media: 'print' });
      await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
      assert.equal(await page.locator('details:not([open])').count(), 0);
      assert.deepEqual(await page.evaluate(overflowing), []);
      assert.ok((await page.pdf({ format: 'A4' })).length > 10_000);
    });
});
